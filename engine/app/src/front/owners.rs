//! What is whose, now: an asset may have changed hands since an incident was opened.

use heinzel_core::asset::Assets;
use heinzel_core::incident::Incident;
use heinzel_server::front::CustomerClaim;

/// Whether an asset is the claim's customer's, and the claim speaks of it.
pub(super) fn is_theirs(assets: &Assets, claim: &CustomerClaim, asset: &str) -> bool {
    assets.get(asset).is_some_and(|asset| asset.owner.as_deref() == Some(&*claim.id)) && speaks_of(claim, asset)
}

fn speaks_of(claim: &CustomerClaim, asset: &str) -> bool {
    claim.assets.as_ref().is_none_or(|listed| listed.iter().any(|one| one == asset))
}

/// What the claim's customer may ask about.
pub(super) fn theirs<'a>(assets: &'a Assets, claim: &CustomerClaim) -> impl Iterator<Item = &'a str> {
    assets.of_owner(&claim.id).map(|asset| &*asset.id).filter(|asset| speaks_of(claim, asset))
}

/// The asset of theirs that an incident is about: its own, or one that needs that. `None`: it is not their business. Of what
/// is not theirs customers learn neither name nor kind.
pub(super) fn concerned<'a>(assets: &'a Assets, claim: &CustomerClaim, incident: &Incident) -> Option<&'a str> {
    let own = assets.get(&incident.asset).map(|asset| &*asset.id).filter(|asset| is_theirs(assets, claim, asset));
    own.or_else(|| theirs(assets, claim).find(|asset| incident.concerns(asset)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use heinzel_core::asset::Asset;

    fn assets(assets: &[(&str, &str)]) -> Assets {
        let asset = |(id, owner): &(&str, &str)| Asset {
            id: (*id).to_owned(),
            owner: Some((*owner).to_owned()),
            aliases: Vec::new(),
            depends_on: Vec::new(),
            protected: false,
        };
        Assets::new(assets.iter().map(asset).collect()).unwrap()
    }

    fn incident(asset: &str, dependants: &[&str]) -> Incident {
        let dependants: Vec<_> = dependants.iter().map(|id| format!("{id:?}")).collect();
        let text = format!(
            r#"{{"id":1,"rule":"a.b","asset":"{asset}","title":"t","severity":"high","status":"open","opened":"2026-11-22T00:00:00Z",
            "opened_at":"2026-11-22T00:00:00Z","last_seen":"2026-11-22T00:00:00Z","findings":1,
            "cause":{{"place":{{"source":"s","stream":"x","offset":0}},"fields":{{}},"message":"m"}},
            "customers":["K2"],"dependants":[{}]}}"#,
            dependants.join(",")
        );
        serde_json::from_str(&text).unwrap()
    }

    fn claim(id: &str, assets: Option<&[&str]>) -> CustomerClaim {
        let assets = assets.map(|list| list.iter().map(|one| (*one).to_owned()).collect());
        CustomerClaim { id: id.to_owned(), assets, expires: heinzel_core::time::Timestamp::MAX }
    }

    #[test]
    fn whose_it_was_does_not_count() {
        let assets = assets(&[("vm:201", "K3")]);
        let incident = incident("vm:201", &[]);
        assert_eq!(concerned(&assets, &claim("K2", None), &incident), None);
        assert_eq!(concerned(&assets, &claim("K3", None), &incident), Some("vm:201"));
        assert_eq!(concerned(&assets, &claim("K3", Some(&["vm:1"])), &incident), None);
    }

    #[test]
    fn who_depends_on_it_hears_of_their_own_asset() {
        let assets = assets(&[("vm:400", "K3"), ("site:k5.example", "K5")]);
        let incident = incident("vm:400", &["site:k5.example"]);
        assert_eq!(concerned(&assets, &claim("K5", None), &incident), Some("site:k5.example"));
        assert_eq!(concerned(&assets, &claim("K3", None), &incident), Some("vm:400"));
        assert_eq!(concerned(&assets, &claim("K2", None), &incident), None);
    }
}
