//! What is read out of a draft before anything is looked up for it.

use heinzel_core::customer::Customer;
use heinzel_knowledge::answer::Language;
use heinzel_knowledge::text::{self, strip};
use heinzel_knowledge::tone::{self, Reading};
use heinzel_server::suggestion;

/// What is read out of a draft.
pub(super) struct Read {
    /// Subject and text, as they were written.
    pub(super) whole: String,
    /// The same without salutation, quotations and signature.
    pub(super) own_words: String,
    /// How many of its words say something.
    pub(super) words: usize,
    /// The language of the form, or of its customer.
    pub(super) form: Option<Language>,
    /// The language that it is answered in: its own, else the form's.
    pub(super) language: Language,
    pub(super) tone: Reading,
}

impl Read {
    pub(super) fn of(draft: &suggestion::Draft, customer: Option<&Customer>) -> Self {
        let form = draft.locale.as_deref().and_then(Language::from_locale);
        let form = form.or_else(|| Language::from_locale(customer?.language.as_deref()?));
        let own_words = format!("{}\n{}", draft.subject, strip::strip(&draft.body));
        let read = text::analyse(&own_words, form);
        let whole = format!("{}\n{}", draft.subject, draft.body);
        let tone = tone::read(&whole);
        let words = read.content_words();
        Self { whole, own_words, words, form, language: read.language.or(form).unwrap_or(Language::De), tone }
    }
}
