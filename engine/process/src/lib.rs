//! The one way to start a program: argv, clean environment, time and output limits, group kill.
