//! The only crate that changes the world: steps, probes, notifications.
//!
//! Start at [`Hands::perform`]: an effect goes in, its outcome comes out. Nothing is decided here; but the operator's
//! allow-list is asked once more at the place of action, because what is not allowed must stay undone even if whoever
//! sent the effect was wrong.
//!
//! **Doing things twice.** Probes and notifications may be performed again (a notification carries its effect's id, so
//! that a receiver can drop the second copy). Steps that set something (truncate, chmod, chown, write a template, copy,
//! start, stop) end in the same state when repeated. Restart, reload, signal, command, task retry, HTTP, remove and move
//! may not be: the engine never repeats them without looking first, and neither does this crate.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use heinzel_core::effect::{Act, Effect, Outcome};
use heinzel_core::plan::Action;
use heinzel_core::policy::{Allow, Policy};
use tokio::sync::Semaphore;

use crate::probe::host::LOOKS;
use crate::settings::{ActSettings, BadSettings, Webhook};

pub mod settings;

mod notify;
mod probe;
mod program;
mod step;
mod url;

/// Performs effects, within what the operator allows.
#[derive(Clone, Debug)]
pub struct Hands {
    allow: Allow,
    max_targets: u32,
    webhooks: BTreeMap<String, Webhook>,
    probe_timeout: Duration,
    systemctl: String,
    /// Places for looks at paths, which may hang.
    looks: Arc<Semaphore>,
    /// Made when it is first needed: it reads all of the system's certificates, some megabytes that many hosts never use.
    client: Arc<OnceLock<reqwest::Client>>,
}

/// Whether an action could be done at all, wherever it is: that a template can be rendered with its values.
///
/// # Errors
/// Why it could not.
pub fn can_be(action: &Action) -> Result<(), String> {
    match action {
        Action::WriteTemplate { template, values, .. } => step::check_template(template, values),
        _ => Ok(()),
    }
}

/// How much longer than its own timeout an effect may take in all: to end a program's process group, to close files.
const GRACE: Duration = Duration::from_secs(5);

impl Hands {
    /// Hands that may do what `policy` allows. After a reload of the settings, make new ones.
    ///
    /// # Errors
    /// [`BadSettings`] names the setting.
    pub fn new(settings: &ActSettings, policy: &Policy) -> Result<Self, BadSettings> {
        settings.check()?;
        Ok(Self {
            allow: policy.allow.clone(),
            max_targets: policy.max_targets,
            webhooks: settings.webhooks.clone(),
            probe_timeout: settings.probe_timeout.0,
            systemctl: "systemctl".into(),
            looks: Arc::new(Semaphore::new(LOOKS)),
            client: Arc::new(OnceLock::new()),
        })
    }

    fn client(&self) -> Result<reqwest::Client, reqwest::Error> {
        if let Some(client) = self.client.get() {
            return Ok(client.clone());
        }
        let client = reqwest::Client::builder()
            // A redirect leads to a target that nobody allowed; a proxy from the environment, likewise.
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            // A kept connection would hide that new ones no longer succeed.
            .pool_max_idle_per_host(0)
            .user_agent(concat!("heinzel/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(self.client.get_or_init(|| client).clone())
    }

    /// Another program in the place of `systemctl`: a bare name or an absolute path.
    #[cfg(test)]
    pub(crate) fn with_systemctl(mut self, program: impl Into<String>) -> Self {
        self.systemctl = program.into();
        self
    }

    /// Performs one effect and says what became of it; never [`Outcome::Unknown`].
    ///
    /// Ends at the latest 5 s after the timeout of the step (of probes: `probe_timeout`; of notifications: 10 s).
    /// A probe that is not allowed or could not look is [`Outcome::Saw`] with a blind fact.
    /// Dropping the future kills a program that it runs; a step on files that has begun goes on until it is done or its time
    /// is over.
    pub async fn perform(&self, effect: &Effect) -> Outcome {
        match &effect.act {
            Act::Probe { probe } => Outcome::Saw { fact: Box::pin(self.look(probe)).await },
            Act::Step { step } => Box::pin(self.act(&effect.id, step)).await,
            Act::Notify { to, message } => Box::pin(self.notify(&effect.id, to, message)).await,
        }
    }
}

#[cfg(test)]
mod fixture;
