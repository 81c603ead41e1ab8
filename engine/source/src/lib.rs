//! What produces blocks: files, journald, syslog, exec, task histories; checkpoints.
