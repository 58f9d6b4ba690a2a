//! The deployment checklist, what to do, and the conclusion.

use super::super::phrases as p;
use super::super::view::{EnvironmentView, Horizon, LineState, ReadinessLine};
use super::{Page, SHOWN, text};
use crate::check::Class;
use crate::evidence::clean;

impl Page<'_> {
    pub(super) fn checklist(&mut self) {
        let w = self.w;
        self.title(2, p::S_CHECKLIST);
        for of in &w.report.readiness {
            let class = w.say(match of.class {
                Class::Staging => p::STAGING,
                Class::Production => p::PRODUCTION,
            });
            let named = class.to_lowercase() == of.environment;
            let name = if named { class } else { format!("{class}{}{}", w.say(p::COLON), clean(&of.environment)) };
            self.heading(3, &name);
            for line in &of.lines {
                self.check_box(line);
            }
            self.blank();
            self.line(&text(&w.readiness(of)));
        }
    }

    /// Ticked only when every check of it that applies was measured to hold.
    fn check_box(&mut self, line: &ReadinessLine) {
        let w = self.w;
        let tick = if line.state == LineState::Green { "x" } else { " " };
        let mut about = format!("{} {}", line.id, text(&w.line(line)));
        if line.state != LineState::Green {
            about = format!("{about}{}**{}**", w.say(p::COLON), w.line_state(line.state));
        }
        let notes = w.line_notes(line);
        if !notes.is_empty() {
            about = format!("{about} · {}", text(&notes));
        }
        self.line(&format!("- [{tick}] {about}"));
    }

    pub(super) fn recommendations(&mut self) {
        let w = self.w;
        self.title(2, p::S_RECOMMENDATIONS);
        for horizon in Horizon::ALL {
            self.heading(3, &w.horizon(horizon));
            let all: Vec<_> = w.report.recommendations.iter().filter(|r| r.horizon == horizon).collect();
            if all.is_empty() {
                self.line(&text(&w.say(p::NOTHING_TO_DO)));
            }
            for (i, of) in all.iter().take(SHOWN).enumerate() {
                let (headline, about) = w.recommendation(of);
                self.line(&format!("{}. {}\n   <br>{}", i + 1, text(&headline), text(&about)));
            }
            if all.len() > SHOWN {
                self.blank();
                self.line(&format!("… {}", w.more(all.len() - SHOWN)));
            }
        }
    }

    /// The verdict of each environment, and what it rests on.
    pub(super) fn conclusion(&mut self) {
        let w = self.w;
        self.title(2, p::S_CONCLUSION);
        for view in &w.report.environments {
            let colour = w.colour(view.standing.colour()).to_uppercase();
            let name = text(&clean(&view.name));
            let mut lines = vec![format!("**{name}**{}**{colour}**. {}", w.say(p::COLON), text(&w.standing(view)))];
            lines.extend(self.rests(view).map(|rests| text(&rests)));
            let ready = w.report.readiness.iter().find(|of| of.environment == view.name);
            lines.extend(ready.map(|of| text(&w.readiness(of))));
            self.entry(&lines);
        }
    }

    fn rests(&self, view: &EnvironmentView) -> Option<String> {
        let w = self.w;
        let runs: Vec<String> = view.runs.iter().map(|run| w.run(run)).collect();
        let answers = w.answers(view);
        (!runs.is_empty()).then(|| w.fill(p::RESTS, [("answers", answers), ("runs", runs.join(&w.say(p::SEMICOLON)))]))
    }
}
