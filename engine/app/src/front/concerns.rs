//! What goes on at a customer's assets, and what answers may say of them.

use std::sync::PoisonError;

use heinzel_core::asset::{kind_of, name_of};
use heinzel_core::incident::{Incident, IncidentId};
use heinzel_core::stand::{Stand, is_cause_known};
use heinzel_knowledge::answer::Language;
use heinzel_knowledge::render::Context;
use heinzel_knowledge::suggest::Concern;
use heinzel_server::front::CustomerClaim;

use super::times::Reader;
use super::{Desk, news, owners};
use crate::clock;

impl Desk {
    /// What goes on at the customer's assets, for people.
    pub(super) fn concerns(
        &self,
        customer: &CustomerClaim,
        asset: Option<&str>,
        follows: &[IncidentId],
        reader: &Reader,
    ) -> Vec<Concern> {
        let live = self.current.get();
        // An asset that is named was found to be theirs.
        let about = |incident: &Incident| match asset {
            Some(asset) => incident.concerns(asset).then_some(asset),
            None => owners::concerned(&live.assets, customer, incident),
        };
        let fresh = self.board.fresh(clock::now(), |incident| Some((incident.clone(), about(incident)?)));
        let told = fresh.iter().filter(|(incident, _)| !news::is_outdated(incident, &fresh));
        told.map(|(incident, about)| self.concern(incident, about, follows, reader)).collect()
    }

    /// What an incident means for an asset of the customer who asks.
    pub(super) fn concern(&self, incident: &Incident, asset: &str, follows: &[IncidentId], reader: &Reader) -> Concern {
        let (live, now) = (self.current.get(), clock::now());
        let clause = live.rules.rules.get(&incident.rule).and_then(|rule| rule.draft.as_ref());
        let names = self.names.read().unwrap_or_else(PoisonError::into_inner);
        Concern {
            incident: incident.id,
            rule: incident.rule.to_string(),
            answer: incident.answer.clone(),
            intents: clause.map(|clause| clause.intents.clone()).unwrap_or_default(),
            stand: Stand::of(incident),
            found: clause.filter(|_| is_cause_known(incident)).map(|clause| clause.found.clone()).unwrap_or_default(),
            asset_name: names.get(asset).cloned(),
            asset_kind: kind_of(asset).to_owned(),
            since: reader.time_of_day(incident.told.unwrap_or(incident.opened_at), now),
            until: incident.resolved_at.map(|end| reader.time_of_day(end, now)),
            of_this_draft: follows.contains(&incident.id),
        }
    }

    /// What answers may say of this customer.
    pub(super) fn context(&self, name: Option<String>, asset: Option<&str>, language: Language) -> Context {
        let mut context = Context::default();
        self.words.fill(&mut context, language);
        if let Some(name) = name {
            context.set("customer.name", &name);
        }
        if let Some(id) = asset {
            let names = self.names.read().unwrap_or_else(PoisonError::into_inner);
            let bare = name_of(id);
            context.set("asset.id", bare);
            context.set("asset.name", names.get(id).map_or(bare, String::as_str));
        }
        context
    }
}
