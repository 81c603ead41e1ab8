//! The rule set of the comparison as a pack, as an author would write it.
//!
//! What the generator anchored at the syslog header becomes `program` and a pattern anchored at the message.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use serde_json::Value;

/// What the generator puts behind the program of an anchored pattern.
const BEHIND_PROGRAM: &str = r"(?:\[[0-9]+\])?: ";

/// Writes the pack `bench` below `folder`; `set` is the generator's JSON. Returns how many rules it has.
pub fn write(set: &Path, folder: &Path) -> anyhow::Result<usize> {
    let text = fs::read_to_string(set).with_context(|| format!("read {}", set.display()))?;
    let set: Vec<Value> = serde_json::from_str(&text).with_context(|| format!("read {}", set.display()))?;
    let folder = folder.join("bench");
    fs::create_dir_all(folder.join("samples"))?;
    fs::write(
        folder.join("pack.toml"),
        "name = \"bench\"\nversion = \"1.0.0\"\nmin_engine = \"0.1.0\"\ndescription = \"the generated rules\"\n",
    )?;
    for (number, rule) in set.iter().enumerate() {
        let parts = || format!("rule {number} of the generator lacks a part");
        let one = Generated::read(rule).with_context(parts)?;
        fs::write(folder.join(format!("rule-{number}.rhai")), one.script(number))?;
        fs::write(folder.join(format!("samples/rule-{number}.toml")), one.samples()?)?;
    }
    Ok(set.len())
}

/// A rule of the generator.
struct Generated<'a> {
    pattern: String,
    program: Option<&'a str>,
    literals: Vec<&'a str>,
    kinds: Vec<&'a str>,
}

impl<'a> Generated<'a> {
    fn read(rule: &'a Value) -> Option<Self> {
        let texts = |key: &str| rule[key].as_array()?.iter().map(Value::as_str).collect::<Option<Vec<_>>>();
        let (pattern, program) = (rule["rs"].as_str()?, rule["prog"].as_str()?);
        let anchored = rule["anch"].as_bool()?;
        let pattern = match pattern.split_once(BEHIND_PROGRAM).filter(|_| anchored) {
            Some((_, message)) => format!("^{message}"),
            None => pattern.to_owned(),
        };
        Some(Self { pattern, program: anchored.then_some(program), literals: texts("ps")?, kinds: texts("kinds")? })
    }

    fn script(&self, number: usize) -> String {
        let program = self.program.map(|program| format!("    program: [\"{program}\"],\n")).unwrap_or_default();
        let field = |(at, kind): (usize, &&str)| {
            let as_type = if matches!(*kind, "int" | "ip") { kind } else { "text" };
            format!("{kind}{at}: \"{as_type}\"")
        };
        let fields: Vec<String> = self.kinds.iter().enumerate().map(field).collect();
        format!(
            "#{{\n    title: \"Generated rule {number}\",\n    severity: \"low\",\n{program}    match: [`{}`],\n    \
             fields: #{{ {} }},\n    trigger: #{{ count: 10000, within: \"10m\" }},\n}}\n",
            self.pattern,
            fields.join(", ")
        )
    }

    fn samples(&self) -> anyhow::Result<String> {
        let mut line = String::new();
        for (at, literal) in self.literals.iter().enumerate() {
            line.push_str(literal);
            line.push_str(match self.kinds.get(at) {
                None => "",
                Some(&"ip") => "192.0.2.7",
                Some(&"int") => "7",
                Some(&"hex") => "7f",
                Some(_) => "seven",
            });
        }
        // A JSON text is a TOML text.
        let line = serde_json::to_string(&line)?;
        let program = self.program.map(|program| format!("program = \"{program}\"\n")).unwrap_or_default();
        Ok(format!(
            "[[sample]]\nline = {line}\n{program}fires = true\n\n[[sample]]\nline = \"all is well\"\n{program}fires = false\n"
        ))
    }
}
