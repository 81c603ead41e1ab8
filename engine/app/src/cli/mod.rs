//! The command line. Flags are declared here once; help, man page and completions follow from it.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Parser, Subcommand};
use heinzel_core::glob::Glob;
use heinzel_script::problem::Problem;
use heinzel_store::error::StoreError;

use crate::config::{Config, Overrides};
use crate::exit::{Ends, Exit};
use crate::learning;
use crate::live::Live;
use crate::{state_folder, text};

mod answers;
mod audit;
mod check;
mod cost;
mod eval;
mod exchange;
mod customers;
mod explain;
mod forget;
mod incident;
mod in_force;
mod init;
mod manner;
mod mine;
mod model;
mod online;
mod page;
mod policy;
mod reader;
mod reference;
mod replay;
mod rules;
mod status;
mod talk;
mod test;
mod topics;

/// Self-healing support automation for web hosting.
///
/// Heinzel reads the logs and task histories of this machine, recognises known problems, repairs them where the operator
/// allows it, proves the repair and keeps a trail. Without a configuration it finds this machine's logs and only observes.
#[derive(Debug, Parser)]
#[command(name = "heinzel", version, max_term_width = 110, disable_help_subcommand = true, after_help = EXITS)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// An incident's number, also as the log writes it: `#7`.
fn number(word: &str) -> Result<u64, String> {
    let no = |_| "an incident is named by its number, like 7; `heinzel incident list` shows them".to_owned();
    word.strip_prefix('#').unwrap_or(word).parse().map_err(no)
}

const EXITS: &str = "\
Exit status: 0 done or well; 1 something broke; 2 wrong command line;
3 checked and found wrong (configuration, rules, samples, audit trail);
4 the engine said no; 5 another engine holds the store, or none runs where one is needed.";

#[derive(Clone, Debug, Args)]
pub(crate) struct Global {
    /// The configuration [default: /etc/heinzel/heinzel.toml where it exists, else this machine's own logs].
    #[arg(long, short, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// A folder of rule packs, instead of the configured ones. May be given several times.
    #[arg(long, global = true, value_name = "FOLDER")]
    rules: Vec<PathBuf>,
    /// The folder of the store, instead of the configured one.
    #[arg(long, global = true, value_name = "FOLDER")]
    state: Option<PathBuf>,
    /// JSON instead of text; a list is one value a line.
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

impl Global {
    /// The rules and assets in force. On stderr: that some could not be loaded, so that nobody wonders.
    pub(crate) fn live(&self, config: &Config) -> (Live, Vec<Problem>) {
        self.live_for(config, &[])
    }

    /// The same, searched for as these logs advise.
    pub(crate) fn live_for(&self, config: &Config, logs: &[PathBuf]) -> (Live, Vec<Problem>) {
        let rarity = Arc::new(learning::of_files(logs));
        let (live, problems) = Live::after(&Live::default(), &config.rules, config.assets.as_deref(), rarity);
        let errors = problems.iter().filter(|p| p.is_error()).count();
        if errors > 0 {
            let text =
                format!("heinzel: {} in rules or assets; `heinzel check` shows them\n", text::count(errors, "error"));
            remark(&text);
        }
        (live, problems)
    }

    /// The configuration with the flags' changes.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn config(&self) -> anyhow::Result<Config> {
        Config::load(&self.overrides()).map_err(|e| Ends::with(Exit::Wrong, format!("{e:#}")))
    }

    fn overrides(&self) -> Overrides {
        Overrides { file: self.config.clone(), rules: self.rules.clone(), state: self.state.clone() }
    }

    /// The store's folder, for who needs no more of a configuration. One that is wrong is only remarked on: whoever wants
    /// to stop a fix must not have to mend it first.
    ///
    /// # Errors
    /// When even that cannot be told.
    pub(crate) fn state(&self) -> anyhow::Result<PathBuf> {
        Ok(self.state_and_config()?.0)
    }

    /// The same, with the configuration or what is wrong with it.
    ///
    /// # Errors
    /// When not even the folder can be told.
    pub(crate) fn state_and_config(&self) -> anyhow::Result<(PathBuf, anyhow::Result<Config>)> {
        let config = self.config();
        let wrong = match &config {
            Ok(right) => return Ok((right.state.clone(), config)),
            Err(wrong) => format!("{wrong:#}"),
        };
        let told = || state_folder::of_broken(&self.overrides().file()?);
        let Some(state) = self.state.clone().or_else(told) else {
            let text =
                format!("{wrong}\nnor can be told from it where the store is; `--state FOLDER` names its folder");
            return Err(Ends::with(Exit::Wrong, text));
        };
        let state_said = state.display();
        remark(&text::lines(&format!(
            "heinzel: warning: {wrong}\nheinzel: going on without it, with the store in {state_said} (`--state` names another)\n"
        )));
        Ok((state, config))
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Watch this machine: read, recognise, repair where allowed.
    Run,
    /// Check the configuration, the assets and all rules.
    Check {
        /// Instead, search these logs (also .gz and .zst; `-` is stdin) and say what each rule costs on them.
        #[arg(long, value_name = "LOG", num_args = 1..)]
        cost: Vec<PathBuf>,
        /// How the lines of these logs are written.
        #[arg(long, default_value = "auto", value_parser = manner::format, requires = "cost")]
        format: heinzel_core::parse::Format,
    },
    /// Run the samples of all rules.
    Test(test::Arguments),
    /// Say which rules consider a line or an incident, and why they do or do not fire.
    Explain(explain::Arguments),
    /// Read old logs (also .gz and .zst) as if they were written now, and report what would have been found and done.
    Replay(replay::Arguments),
    /// Cluster the lines of old logs that no rule knows, the worst and most frequent first, and draft rules from them.
    Mine(mine::Arguments),
    /// Measure how well answers are found, on sets of drafts whose answer is known.
    #[command(subcommand)]
    Eval(eval::Command),
    /// Say how the running engine is.
    Status,
    /// List, view, acknowledge or resolve incidents.
    #[command(subcommand)]
    Incident(incident::Command),
    /// Let a plan that waits for approval be carried out.
    Approve {
        /// The incident's number.
        #[arg(value_parser = number)]
        incident: u64,
        /// The plan that is meant, by its mark; needed when it has changed since it was approved.
        #[arg(long, value_name = "MARK")]
        plan: Option<String>,
    },
    /// Do not let a plan be carried out.
    Deny {
        /// The incident's number.
        #[arg(value_parser = number)]
        incident: u64,
        /// Why not.
        #[arg(long, default_value = "")]
        why: String,
    },
    /// Plan anew, under all gates, what was handed to a human.
    Retry {
        /// The incident's number.
        #[arg(value_parser = number)]
        incident: u64,
    },
    /// Start no fix until `heinzel resume`.
    Pause {
        /// Why.
        #[arg(long, default_value = "")]
        why: String,
    },
    /// Let fixes start again.
    Resume,
    /// Show how far rules may go, promote and demote them.
    #[command(subcommand)]
    Policy(policy::Command),
    /// Show or verify the audit trail.
    #[command(subcommand)]
    Audit(audit::Command),
    /// Look at this machine and write a commented configuration.
    Init(init::Arguments),
    /// List the rules, or show one: what it looks for, what it does, and what its fixes have shown here.
    #[command(subcommand)]
    Rules(rules::Command),
    /// What customers are answered: list, show, check, import and export answers.
    #[command(subcommand)]
    Answers(answers::Command),
    /// Add, list, try and remove sentence-embedding models, which find answers by meaning.
    #[command(subcommand)]
    Model(model::Command),
    /// Sort what customers write into topics: what grows, what has no answer, what may be wrong with the product.
    Topics(topics::Arguments),
    /// Say what suggestions spared customers and support, compared with those who saw none.
    Deflection(customers::Since),
    /// List customers whose problems were repaired without a word, and those never heard of.
    Silence(customers::Since),
    /// List addresses of customers that mail does not reach, or that were long unused.
    Contacts(customers::Contacts),
    /// Forget a customer: all that is remembered of them, on the disk, too.
    #[command(subcommand)]
    Customers(forget::Customers),
    /// Print the page of all rules, or the functions that rules may call.
    Reference(reference::Arguments),
    /// Print shell completions.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
    /// Print the man page.
    Man {
        /// Instead, write it and a page for every command into this folder.
        #[arg(long, value_name = "FOLDER")]
        into: Option<PathBuf>,
    },
}

/// Does what the command line says.
///
/// # Errors
/// Why not, with the way out.
pub(crate) fn obey(cli: Cli) -> anyhow::Result<Exit> {
    let global = cli.global;
    match cli.command {
        Command::Run => crate::run::run(global.config()?, global.json),
        Command::Check { cost, .. } if cost.is_empty() => check::check(&global),
        Command::Check { cost, format } => cost::cost(&global, &cost, format),
        Command::Test(arguments) => test::test(&global, &arguments),
        Command::Explain(arguments) => explain::explain(&global, &arguments),
        Command::Replay(arguments) => replay::replay(&global, &arguments),
        Command::Mine(arguments) => mine::mine(&global, &arguments),
        Command::Eval(command) => eval::eval(&global, &command),
        Command::Status => status::status(&global),
        Command::Incident(command) => incident::incident(&global, command),
        Command::Approve { incident, plan } => {
            talk::tell(&global, &heinzel_core::step::Command::Approve { incident, plan })
        }
        Command::Deny { incident, why } => talk::tell(&global, &heinzel_core::step::Command::Deny { incident, why }),
        Command::Retry { incident } => talk::tell(&global, &heinzel_core::step::Command::Retry { incident }),
        Command::Pause { why } => talk::tell(&global, &heinzel_core::step::Command::Pause { why }),
        Command::Resume => talk::tell(&global, &heinzel_core::step::Command::Resume),
        Command::Policy(command) => policy::policy(&global, command),
        Command::Audit(command) => audit::audit(&global, &command),
        Command::Init(arguments) => init::init(&arguments),
        Command::Rules(command) => rules::rules(&global, &command),
        Command::Answers(command) => answers::answers(&global, &command),
        Command::Model(command) => model::model(&global, &command),
        Command::Topics(arguments) => topics::topics(&global, &arguments),
        Command::Deflection(since) => customers::deflection(&global, &since),
        Command::Silence(since) => customers::silence(&global, &since),
        Command::Contacts(arguments) => customers::contacts(&global, &arguments),
        Command::Customers(command) => forget::customers(&global, &command),
        Command::Reference(arguments) => reference::reference(&global, &arguments),
        Command::Completions { shell } => page::completions(shell),
        Command::Man { into } => page::man(into.as_deref()),
    }
}

/// A word on stderr that is no result.
pub(crate) fn remark(text: &str) {
    // A closed stderr must not stop a report.
    let _ = std::io::Write::write_all(&mut std::io::stderr().lock(), text.as_bytes());
}

/// Says, after a list for people, how much of it `--limit` has cut off.
///
/// # Errors
/// When what there is cannot be counted.
pub(crate) fn cut_off(
    shown: usize,
    limit: usize,
    all: impl FnOnce() -> Result<usize, StoreError>,
) -> anyhow::Result<Exit> {
    if shown >= limit {
        let all = all()?;
        if all > shown {
            remark(&format!("{shown} of {all}; `--limit N` shows more\n"));
        }
    }
    Ok(Exit::Ok)
}

/// The refusal where no rule is loaded, or none that fits.
pub(crate) fn no_rule(folders: &[PathBuf], only: Option<&Glob>) -> anyhow::Error {
    let what = only.map_or_else(|| "rules".to_owned(), |glob| format!("rule fits `{}`", glob.0));
    Ends::with(Exit::Refused, format!("no {what} in {}; `heinzel check` says what was loaded", text::folders(folders)))
}

/// Prints text; a closed pipe is no error of ours.
///
/// # Errors
/// When the output cannot be written for another reason.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    use std::io::Write as _;
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Prints a value as JSON, one line.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn print_json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    print(&format!("{}\n", text::json(value)?))
}
