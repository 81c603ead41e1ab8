//! `heinzel customers forget`: by the running engine, which has some of it in memory, else straight in the file.

use clap::Subcommand;
use heinzel_core::step::{Command, Erased};
use heinzel_server::customer::Forgotten;

use super::talk;
use crate::control::{Question, Reply, absent, ask, other_question};
use crate::exit::{Ends, Exit};
use crate::text::{count, plain};
use crate::{front, state_folder};

#[derive(Debug, Subcommand)]
pub(crate) enum Customers {
    /// Forget a customer: record, addresses, tickets, drafts, what was shown for them and said to it, learned examples.
    ///
    /// Their assets stay, without owner and name, but for those whose ids tell of them (a mail address, their own id). In the
    /// engine's own store, incidents keep the ids of their customers, and lines of logs stay in the timeline and the audit
    /// trail, as long as `[store]` says; that a customer was forgotten, and by whom, is in the trail. What your shop and ticket
    /// system send afterwards is kept anew: erase the customer there first.
    Forget {
        /// The customer, by the shop's id.
        id: String,
    },
}

/// Forgets, and says what.
pub(super) fn customers(global: &super::Global, command: &Customers) -> anyhow::Result<Exit> {
    let Customers::Forget { id } = command;
    let state = global.state()?;
    let forgotten = match ask(&state, &Question::Forget { customer: id.clone(), by: talk::who() })? {
        Some(Reply::Forgotten(forgotten)) => forgotten,
        Some(Reply::Refused(text)) => return Err(Ends::with(Exit::Refused, text)),
        Some(_) => return Err(Ends::with(Exit::Refused, other_question(&state))),
        None if !state.exists() => return Err(absent(&state)),
        None => {
            talk::write_down(&state, Command::Erase { what: Erased::Customer })?;
            let _lock = state_folder::lock(&state)?;
            front::forget_in(&state, id)?
        }
    };
    if global.json {
        super::print_json(&forgotten)?;
    } else {
        super::print(&format!("{}\n", words(id, &forgotten)))?;
    }
    Ok(Exit::Ok)
}

fn words(id: &str, forgotten: &Forgotten) -> String {
    let Forgotten { customer, tickets, drafts, examples, assets, removed, listed } = forgotten;
    let id = plain(id, 128);
    let list = |assets: &[String]| plain(&assets.join(", "), 400);
    let mut out = if !customer && tickets + drafts + examples == 0 && assets.is_empty() && removed.is_empty() {
        format!("nothing is remembered of customer {id}")
    } else {
        let number = |number: &u64, what| count(usize::try_from(*number).unwrap_or(usize::MAX), what);
        let (tickets, drafts) = (number(tickets, "ticket"), number(drafts, "draft"));
        format!("customer {id} is forgotten, with {tickets}, {drafts} and {}", number(examples, "learned example"))
    };
    if !removed.is_empty() {
        out.push_str(&format!("\nremoved, since their ids tell of the customer: {}", list(removed)));
    }
    if !assets.is_empty() {
        out.push_str(&format!("\nwithout owner and name from now on: {}", list(assets)));
    }
    if !listed.is_empty() {
        out.push_str(&format!("\nstill theirs by the file of assets, which is changed there: {}", list(listed)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_forgotten_is_said() {
        let mut forgotten = Forgotten::default();
        assert_eq!(words("K1", &forgotten), "nothing is remembered of customer K1");
        (forgotten.tickets, forgotten.drafts, forgotten.assets) = (1, 2, vec!["vm:1".into(), "vm:2".into()]);
        forgotten.listed.push("host:a".into());
        forgotten.removed.push("mailbox:kim@example.com".into());
        assert_eq!(
            words("K1", &forgotten),
            "customer K1 is forgotten, with 1 ticket, 2 drafts and 0 learned examples\nremoved, since their ids tell of the \
             customer: mailbox:kim@example.com\nwithout owner and name from now on: \
             vm:1, vm:2\nstill theirs by the file of assets, which is changed there: host:a"
        );
    }
}
