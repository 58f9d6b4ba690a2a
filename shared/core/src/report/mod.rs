//! Heads and runs -> report (view model) -> html, text, markdown.
