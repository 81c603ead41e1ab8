//! The rule set of the comparison as a pack, as an author would write it.
//!
//! What the generator anchored at the syslog header becomes `program` and a pattern anchored at the message.

use std::fs;
use std::path::Path;

use crate::generated::Generated;

/// Writes the pack `bench` below `folder`; `set` is the generator's JSON. Returns how many rules it has.
pub fn write(set: &Path, folder: &Path) -> anyhow::Result<usize> {
    let rules = Generated::read(set)?;
    let folder = folder.join("bench");
    fs::create_dir_all(folder.join("samples"))?;
    fs::write(
        folder.join("pack.toml"),
        "name = \"bench\"\nversion = \"1.0.0\"\nmin_engine = \"0.1.0\"\ndescription = \"the generated rules\"\n",
    )?;
    for (number, rule) in rules.iter().enumerate() {
        fs::write(folder.join(format!("rule-{number}.rhai")), script(number, rule))?;
        fs::write(folder.join(format!("samples/rule-{number}.toml")), samples(rule)?)?;
    }
    Ok(rules.len())
}

fn script(number: usize, rule: &Generated) -> String {
    let program = rule.program.as_ref().map(|program| format!("    program: [\"{program}\"],\n")).unwrap_or_default();
    let as_type = |kind| if matches!(kind, "int" | "ip") { kind } else { "text" };
    let fields: Vec<String> = rule.captures().map(|(name, kind)| format!("{name}: \"{}\"", as_type(kind))).collect();
    // So high a count that nearly no trigger is due: findings are what is measured, not incidents.
    format!(
        "#{{\n    title: \"Generated rule {number}\",\n    severity: \"low\",\n{program}    match: [`{}`],\n    \
         fields: #{{ {} }},\n    trigger: #{{ count: 10000, within: \"10m\" }},\n}}\n",
        rule.message_pattern(),
        fields.join(", ")
    )
}

fn samples(rule: &Generated) -> anyhow::Result<String> {
    // A JSON text is a TOML text.
    let line = serde_json::to_string(&rule.sample())?;
    let program = rule.program.as_ref().map(|program| format!("program = \"{program}\"\n")).unwrap_or_default();
    Ok(format!(
        "[[sample]]\nline = {line}\n{program}fires = true\n\n[[sample]]\nline = \"all is well\"\n{program}fires = false\n"
    ))
}
