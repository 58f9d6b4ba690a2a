//! Heads and runs -> [`Report`] (view model, pure) -> html | text | Markdown.
//!
//! The view model holds ids, instants and evidence, never prose: words come at the end, from `words`, in the
//! recipient's language and time zone, so that each renderer says the same. A renderer only lays out and escapes.

mod advice;
mod availability;
pub mod chart;
pub mod html;
pub mod input;
pub mod mail;
pub mod making;
pub mod markdown;
mod measured;
mod merge;
pub mod page;
mod past;
mod phrases;
pub mod readiness;
mod recommend;
mod sort;
mod tell;
pub mod text;
pub mod told;
mod variables;
pub mod view;
mod words;

pub use input::{Input, Observed, Open};
pub use making::{Making, report};
pub use sort::explains;
pub use tell::subject;
pub use view::Report;
