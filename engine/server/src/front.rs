//! What the ticket form and the shop's systems ask of the engine. `app` answers.
//!
//! Start at [`Front`]. Who asks is settled before: an [`Asker`] exists only after the key, the origin and the claim
//! have been checked. What remains to the one who answers is what only the records know: whose draft it is, and whose
//! asset.

use std::future::Future;
use std::io::Read;
use std::pin::Pin;
use std::sync::Arc;

use heinzel_core::time::Timestamp;
use tokio::sync::mpsc;

use crate::asset::{AssetRecord, AssetRemoved};
use crate::customer::{CustomerRecord, Forgotten};
use crate::draft::{Feedback, News};
use crate::import::{ImportKind, Imported};
use crate::report::{ReportName, Span};
use crate::suggestion::{Draft, Suggestions};
use crate::ticket::{Ticket, TicketTaken};

/// An answer on its way.
pub type Answering<'a, T> = Pin<Box<dyn Future<Output = Result<T, Refused>> + Send + 'a>>;

/// The engine, as far as the ticket form and the shop's systems need it.
///
/// [`Front::suggest`] is called on the async threads: what takes longer than a millisecond there goes to
/// `spawn_blocking`. All others may block (files, databases): the server calls them off the async threads, a bounded
/// number at a time.
pub trait Front: Send + Sync + 'static {
    /// What fits a draft. The draft belongs from then on to [`Asker::owner`].
    ///
    /// # Errors
    /// [`Refused::NoSuchDraft`] when the draft id belongs to somebody else, [`Refused::NotTheirs`] when the asset does.
    fn suggest<'a>(&'a self, asker: &'a Asker, draft: Draft) -> Answering<'a, Suggestions>;

    /// News about a draft: first the latest there is, then each as it comes. The channel is closed by the sender when
    /// there is nothing more to come; the stream to the form ends then or after a final state.
    ///
    /// # Errors
    /// [`Refused::NoSuchDraft`] when the draft is unknown or belongs to somebody else.
    fn news(&self, asker: &Asker, draft_id: &str) -> Result<mpsc::Receiver<News>, Refused>;

    /// What the customer did with what was shown.
    ///
    /// # Errors
    /// [`Refused::NoSuchDraft`] when the draft is unknown or belongs to somebody else.
    fn feedback(&self, asker: &Asker, draft_id: &str, feedback: Feedback) -> Result<(), Refused>;

    /// Takes a sent ticket. The same id again changes neither text nor time and is answered with what was found then or
    /// since.
    ///
    /// # Errors
    /// [`Refused::Invalid`] when something in it is not usable.
    fn ticket(&self, ticket: Ticket) -> Result<Kept<TicketTaken>, Refused>;

    /// Support used an answer for a ticket. Whether there is such an answer: else nothing is taken, nor of a ticket that is
    /// not known.
    ///
    /// # Errors
    /// [`Refused::Busy`] when it cannot be stored now.
    fn answer_used(&self, ticket: &str, answer: &str) -> Result<bool, Refused>;

    /// Writes an asset down, whole: what it had before is replaced.
    ///
    /// # Errors
    /// [`Refused::Invalid`] when it contradicts other assets, [`Refused::Elsewhere`] when it stands in the operator's file.
    fn put_asset(&self, id: &str, asset: AssetRecord) -> Result<Kept<AssetRecord>, Refused>;

    /// Removes an asset, on the disk and in memory. Once more removes nothing more. `by` is whose word it is, for the audit trail.
    ///
    /// # Errors
    /// [`Refused::Elsewhere`] when it stands in the operator's file, [`Refused::Needed`] when others depend on it,
    /// [`Refused::Busy`] when it cannot be done now.
    fn remove_asset(&self, id: &str, by: &str) -> Result<AssetRemoved, Refused>;

    /// Writes a customer down, whole.
    ///
    /// # Errors
    /// [`Refused::Invalid`] when something in it is not usable.
    fn put_customer(&self, id: &str, customer: CustomerRecord) -> Result<Kept<CustomerRecord>, Refused>;

    /// Forgets a customer, on the disk and in memory. Once more forgets nothing more. `by` is whose word it is, for the audit
    /// trail.
    ///
    /// # Errors
    /// [`Refused::Busy`] when it could not be finished.
    fn forget_customer(&self, id: &str, by: &str) -> Result<Forgotten, Refused>;

    /// Reads CSV as it arrives: good rows are written down, bad ones are complained of. What has no column stays as it
    /// was. With `dry_run` nothing is written. An error of `rows` means that the rest does not come: end with [`Refused::BrokeOff`].
    ///
    /// # Errors
    /// [`Refused::Invalid`] when the header is not usable.
    fn import(&self, kind: ImportKind, rows: &mut dyn Read, dry_run: bool) -> Result<Imported, Refused>;

    /// A report over a span of time, as JSON with its definitions.
    ///
    /// # Errors
    /// [`Refused::Busy`] when it cannot be made now.
    fn report(&self, name: ReportName, span: Span) -> Result<serde_json::Value, Refused>;
}

/// Who asks through a form: a checked key and, where the form knows its customer, a checked claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asker {
    /// The name of the form's token in the settings.
    pub form: Arc<str>,
    /// The customer, as the shop's signature vouches. `None`: nothing personal may be shown.
    pub customer: Option<CustomerClaim>,
}

/// What the shop's signature vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomerClaim {
    /// The customer's id.
    pub id: String,
    /// The assets that the shop lists. No other may then be asked about, and these only if they are the customer's by the
    /// records: a list narrows what they own.
    pub assets: Option<Vec<String>>,
    /// When it ends.
    pub expires: Timestamp,
}

/// To whom a draft belongs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Owner {
    /// A customer.
    Customer(String),
    /// Whoever writes into this form without being known.
    Form(Arc<str>),
}

impl Asker {
    /// To whom a draft of this asker belongs.
    #[must_use]
    pub fn owner(&self) -> Owner {
        match &self.customer {
            Some(claim) => Owner::Customer(claim.id.clone()),
            None => Owner::Form(self.form.clone()),
        }
    }
}

/// Something that is kept under an id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept<T> {
    /// It was not there before: 201.
    New(T),
    /// It was: 200.
    Known(T),
}

/// Why a request is not answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// 404: the draft is unknown, or somebody else's. Nobody learns which.
    #[error("there is no such draft")]
    NoSuchDraft,
    /// 403: the asset is unknown, or somebody else's. Nobody learns which.
    #[error("this asset does not belong to the customer of the claim")]
    NotTheirs,
    /// 422: a field that cannot be used.
    #[error("`{field}`: {why}")]
    Invalid {
        /// Which.
        field: String,
        /// What is wrong with it, and the way out.
        why: String,
    },
    /// 409: it is kept elsewhere, and that counts; with the way out.
    #[error("{0}")]
    Elsewhere(String),
    /// 409: others need it; with the way out.
    #[error("{0}")]
    Needed(String),
    /// The body of an import broke off; the server knows why.
    #[error("the body broke off")]
    BrokeOff,
    /// 503: not now.
    #[error("{0}")]
    Busy(String),
}
