//! A draft sets off a look at its customer's asset, and what follows from it.

use std::collections::BTreeMap;

use crate::event::Place;
use crate::incident::{Cause, IncidentId};
use crate::look::{Look, Origin, Refused, Request};
use crate::policy::Rate;
use crate::rule::Rule;
use crate::step::{Desk, detect, heal};

/// Rules that one draft sets off at most.
const MOST_RULES: usize = 3;

/// Decides which rules look, and begins; incidents that are open already are followed.
pub(super) fn ask(desk: &mut Desk<'_, '_>, request: &Request) -> Result<Vec<IncidentId>, Refused> {
    let asset = request.asset.clone();
    let kind = crate::asset::kind_of(&asset);
    if desk.world.assets.get(&asset).is_none_or(|a| a.owner.as_deref() != Some(&*request.customer)) {
        return Err(Refused::NotTheirs { asset });
    }
    let about = |rule: &Rule| {
        let clause = rule.draft.as_ref()?;
        clause.asset.iter().any(|k| k == kind).then(|| clause.place_in(&request.intents)).flatten()
    };
    let mut fitting: Vec<(usize, &Rule)> =
        desk.world.rules.rules.values().filter_map(|rule| Some((about(rule)?, &**rule))).collect();
    fitting.sort_by(|a, b| (a.0, &a.1.id).cmp(&(b.0, &b.1.id)));
    let Some(first) = fitting.first().map(|(_, rule)| rule.id.to_string()) else {
        return Err(Refused::NoRule { asset });
    };
    let drafts = &desk.world.policy.drafts;
    fitting.retain(|(_, rule)| drafts.look.iter().any(|glob| glob.fits(&rule.id.0)) && !desk.state.is_off(rule));
    if fitting.is_empty() {
        return Err(Refused::NotGranted { rule: first });
    }
    fitting.truncate(MOST_RULES);
    let (open, new): (Vec<_>, Vec<_>) = fitting.into_iter().partition(|(_, rule)| {
        desk.state.incident_of(&rule.id, &asset).is_some_and(|incident| !incident.is_resolved())
    });
    let mut incidents: Vec<IncidentId> =
        open.iter().filter_map(|(_, rule)| Some(desk.state.incident_of(&rule.id, &asset)?.id)).collect();
    if new.is_empty() {
        return Ok(incidents);
    }
    match take(desk, request) {
        Ok(()) => {}
        // What is open already can be told in any case.
        Err(_) if !incidents.is_empty() => return Ok(incidents),
        Err(refused) => return Err(refused),
    }
    for (_, rule) in new {
        let cause = Cause {
            place: Place::named("draft"),
            host: None,
            fields: BTreeMap::new(),
            text_fields: Vec::new(),
            task: None,
            message: "its customer is writing about it".to_owned(),
        };
        let now = desk.now();
        let Some(id) = detect::create(desk, rule, asset.clone(), detect::Moment::by_us(now), cause) else { continue };
        if let Some(incident) = desk.state.incidents.get_mut(&id) {
            incident.origin = Some(Origin { draft: request.draft.clone(), customer: request.customer.clone() });
        }
        heal::begin(desk, id);
        incidents.push(id);
    }
    Ok(incidents)
}

/// Counts the look, unless there were too many.
fn take(desk: &mut Desk<'_, '_>, request: &Request) -> Result<(), Refused> {
    let drafts = &desk.world.policy.drafts;
    let now = desk.now();
    let longest = drafts.rate.within.0.max(drafts.all.within.0);
    desk.state.looks.retain(|look| look.at <= now && look.at + longest > now);
    let full = |rate: Rate, fits: &dyn Fn(&Look) -> bool| {
        rate.is_reached(desk.state.looks.iter().filter(|look| fits(look)).map(|look| look.at), now)
    };
    if full(drafts.rate, &|look| look.customer == request.customer && look.asset == request.asset) {
        return Err(Refused::TooOften { rate: drafts.rate, setting: "policy.drafts.rate" });
    }
    if full(drafts.all, &|_| true) {
        return Err(Refused::TooOften { rate: drafts.all, setting: "policy.drafts.all" });
    }
    let look = Look { customer: request.customer.clone(), asset: request.asset.clone(), at: now };
    desk.state.looks.push_back(look);
    Ok(())
}
