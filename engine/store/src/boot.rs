//! Which boot of the machine this is.
//!
//! A mark that was written but not synced survives a killed process, and is lost with the power. Comparing boots tells
//! the two apart.

/// The id of the running boot, from `/proc/sys/kernel/random/boot_id` (random(4)). `None` where it cannot be read:
/// then no two starts count as the same boot, which is the safe side.
#[must_use]
pub fn current() -> Option<String> {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(text.trim().to_owned()).filter(|id| !id.is_empty())
}
