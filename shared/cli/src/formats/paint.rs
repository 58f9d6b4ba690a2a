//! The text report in colour; whoever prints it strips the colour where there is no terminal.

use owo_colors::{OwoColorize, Style};
use vigie_core::check::Severity;
use vigie_core::report::Report;
use vigie_core::report::told::Teller;
use vigie_core::report::view::Colour;

/// Headings are bold, a bullet's severity and an environment's verdict have their colour. The text holds no control
/// character from outside, so that nothing of it paints.
#[must_use]
pub fn paint(report: &Report, text: &str) -> String {
    let teller = Teller::new(report);
    let severities = Severity::ALL.map(|severity| (format!("* {}", teller.severity(severity)), grave(severity)));
    let colours = [Colour::Red, Colour::Amber, Colour::Green, Colour::Grey].map(|c| (teller.colour(c), verdict(c)));
    let lines: Vec<&str> = text.split('\n').collect();
    let mut out: Vec<String> = Vec::with_capacity(lines.len());
    for (n, line) in lines.iter().enumerate() {
        let rule = |line: &str| line.len() > 1 && (line.chars().all(|c| c == '=') || line.chars().all(|c| c == '-'));
        let heading = lines.get(n + 1).is_some_and(|next| rule(next));
        let bullet = severities.iter().find_map(|(word, style)| Some((line.strip_prefix(word.as_str())?, word, style)));
        let colour = colours.iter().find_map(|(word, style)| Some((line.strip_suffix(word.as_str())?, word, style)));
        out.push(match (bullet, colour) {
            _ if heading => line.bold().to_string(),
            _ if rule(line) => line.dimmed().to_string(),
            (Some((rest, word, style)), _) if rest.starts_with(' ') => format!("{}{rest}", word.style(*style)),
            (_, Some((name, word, style))) if !name.starts_with([' ', '*']) => {
                format!("{}{}", name.bold(), word.style(*style))
            }
            _ => (*line).to_owned(),
        });
    }
    out.join("\n")
}

fn grave(severity: Severity) -> Style {
    match severity {
        Severity::Critical | Severity::High => Style::new().red(),
        Severity::Medium => Style::new().yellow(),
        Severity::Low | Severity::Info => Style::new().dimmed(),
    }
}

fn verdict(colour: Colour) -> Style {
    match colour {
        Colour::Red => Style::new().red().bold(),
        Colour::Amber => Style::new().yellow().bold(),
        Colour::Green => Style::new().green().bold(),
        Colour::Grey => Style::new().dimmed().bold(),
    }
}
