//! Where an installed Heinzel has what is its own.

/// Where the configuration is looked for when no flag names one.
pub(crate) const CONFIG: &str = "/etc/heinzel/heinzel.toml";
/// Where rule packs lie: the operator's own first.
pub(crate) const RULES: [&str; 2] = ["/etc/heinzel/rules", "/usr/share/heinzel/rules"];
/// Where the store of [`CONFIG`] is, also for commands that systemd has not started.
pub(crate) const STATE: &str = "/var/lib/heinzel";
