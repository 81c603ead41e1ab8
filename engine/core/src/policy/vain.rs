//! Patterns of the policy that nothing can ever fit: a unit without its suffix, a whole command line as one word, an
//! asset without its kind. What was meant to be granted stays refused; what was meant to be spared is not.
//!
//! Start at [`Policy::vain`].

use super::{Allow, Policy};
use crate::asset::Assets;
use crate::field::UNIT_SUFFIXES;
use crate::glob::Glob;

const WILD: [char; 2] = ['*', '?'];

impl Policy {
    /// Each of them as a sentence with the way out. No error: the engine does less than was meant, or asks less, and
    /// these assets may come later.
    #[must_use]
    pub fn vain(&self, assets: &Assets) -> Vec<String> {
        let protected = self.protected.iter().map(|glob| ("protected", glob));
        let maintained = self.maintenance.iter().flat_map(|m| &m.assets).map(|glob| ("maintenance", glob));
        let nameless = protected.chain(maintained).filter(|(_, glob)| is_no_asset(glob, assets));
        let nameless = nameless.map(|(key, Glob(name))| {
            format!(
                "`policy.{key}`: `{name}` is no asset, so it spares none; an asset is `kind:name`, like `host:{name}`"
            )
        });
        nameless.chain(self.allow.vain()).collect()
    }
}

impl Allow {
    fn vain(&self) -> impl Iterator<Item = String> + '_ {
        let units = self.units.iter().filter(|glob| is_no_unit(glob)).map(|Glob(name)| {
            format!("`policy.allow.units`: no unit fits `{name}`; name it with its suffix, like `{name}.service`")
        });
        let commands = self.commands.iter().filter(|command| is_one_word(command)).map(|command| {
            let Glob(line) = &command[0];
            let argv: Vec<&str> = line.split_whitespace().collect();
            let argv = serde_json::to_string(&argv).unwrap_or_default();
            format!("`policy.allow.commands`: no program is called `{line}`; write each argument by itself: {argv}")
        });
        let http = self.http.iter().filter(|glob| !is_address(glob)).map(|Glob(address)| {
            format!("`policy.allow.http`: no address fits `{address}`; write it with its scheme, like `https://panel.example.com/api/*`")
        });
        let processes = self.processes.iter().filter(|Glob(name)| name.contains('/')).map(|Glob(name)| {
            let short = name.rsplit('/').next().unwrap_or_default();
            format!("`policy.allow.processes`: no process is called `{name}`; write its name without the folder, like `{short}`")
        });
        units.chain(commands).chain(http).chain(processes)
    }
}

/// Whether it is neither `kind:name` nor another name of an asset.
fn is_no_asset(glob: &Glob, assets: &Assets) -> bool {
    let is_name = |one: &crate::asset::Asset| one.aliases.iter().any(|alias| glob.fits(alias));
    !glob.0.contains(':') && !glob.0.contains(WILD) && !assets.iter().any(is_name)
}

/// Whether no name that fits ends like a unit's.
fn is_no_unit(glob: &Glob) -> bool {
    let end = glob.0.rsplit(WILD).next().unwrap_or_default();
    let is_cut = end.len() < glob.0.len();
    !UNIT_SUFFIXES.iter().any(|suffix| end.ends_with(suffix) || (is_cut && suffix.ends_with(end)))
}

/// Whether its one word is a program with its arguments.
fn is_one_word(command: &[Glob]) -> bool {
    matches!(command, [Glob(line)] if line.contains(char::is_whitespace))
}

/// Whether an address may fit.
fn is_address(glob: &Glob) -> bool {
    let begin = glob.0.split(WILD).next().unwrap_or_default();
    let is_cut = begin.len() < glob.0.len();
    ["http://", "https://"].iter().any(|scheme| begin.starts_with(scheme) || (is_cut && scheme.starts_with(begin)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asset::Asset;
    use crate::policy::Maintenance;

    fn said(change: impl FnOnce(&mut Policy)) -> String {
        let mut policy = Policy::default();
        change(&mut policy);
        let aliases = vec!["frontend".to_owned()];
        let asset = Asset { id: "host:web1".into(), aliases, owner: None, depends_on: Vec::new(), protected: false };
        policy.vain(&Assets::new(vec![asset]).unwrap()).join("\n")
    }

    #[test]
    fn what_can_never_be_granted_is_named_with_what_was_meant() {
        let unit = |name: &str| said(|p| p.allow.units = vec![name.into()]);
        for fine in ["nginx.service", "php*-fpm.service", "nginx*", "*", "backup@?.timer", "*ice", "nginx.*", "srv-?"] {
            assert_eq!(unit(fine), "", "{fine}");
        }
        let way = "`policy.allow.units`: no unit fits `nginx`; name it with its suffix, like `nginx.service`";
        assert_eq!(unit("nginx"), way);
        assert!(unit("php*-fpm").contains("no unit fits `php*-fpm`"));
        let command = |words: &[&str]| said(|p| p.allow.commands = vec![words.iter().map(|&w| w.into()).collect()]);
        assert_eq!(command(&["nginx", "-t"]), "");
        assert_eq!(command(&["/opt/my panel/fix", "-t"]), "");
        assert!(command(&["nginx -t"]).ends_with("write each argument by itself: [\"nginx\",\"-t\"]"));
        let http = |address: &str| said(|p| p.allow.http = vec![address.into()]);
        for fine in ["https://panel.example.com/api/*", "http*://127.0.0.1/*", "*", "*/api", "http://*"] {
            assert_eq!(http(fine), "", "{fine}");
        }
        assert!(http("panel.example.com/*").contains("no address fits `panel.example.com/*`"));
        let process = |name: &str| said(|p| p.allow.processes = vec![name.into()]);
        assert_eq!(process("php-fpm*"), "");
        assert!(process("/usr/sbin/nginx").ends_with("without the folder, like `nginx`"));
    }

    #[test]
    fn what_spares_no_asset_is_named() {
        let protected = |name: &str| said(|p| p.protected = vec![name.into()]);
        for fine in ["host:db1", "host:*", "*", "db*", "frontend"] {
            assert_eq!(protected(fine), "", "{fine}");
        }
        let way = "`policy.protected`: `db1` is no asset, so it spares none; an asset is `kind:name`, like `host:db1`";
        assert_eq!(protected("db1"), way);
        let (from, until) = ("2026-01-01T22:00:00Z".parse().unwrap(), "2026-01-02T02:00:00Z".parse().unwrap());
        let maintained = said(|p| p.maintenance = vec![Maintenance { assets: vec!["db1".into()], from, until }]);
        assert!(maintained.starts_with("`policy.maintenance`: `db1` is no asset"), "{maintained}");
    }
}
