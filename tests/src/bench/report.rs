//! What a run found: a figure for each thing measured, beside what it is to be. Not how it was measured.

use std::fmt::Write as _;

/// One line of the table.
#[derive(Clone, Debug)]
pub(super) struct Figure {
    pub(super) what: String,
    /// As measured, with its unit.
    pub(super) ours: String,
    /// The same of what stands beside it.
    pub(super) beside: String,
    /// What counts: mostly a ratio.
    pub(super) value: f64,
    pub(super) goal: Goal,
}

/// What a figure is to be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Goal {
    AtLeast(f64),
    AtMost(f64),
    /// It is told.
    None,
}

impl Goal {
    fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtLeast(least) => value >= least,
            Self::AtMost(most) => value <= most,
            Self::None => true,
        }
    }

    fn describe(self) -> String {
        match self {
            Self::AtLeast(least) => format!("≥ {least}"),
            Self::AtMost(most) => format!("≤ {most}"),
            Self::None => "–".to_owned(),
        }
    }
}

/// The figures, in the order they were found.
#[derive(Debug, Default)]
pub(super) struct Report {
    figures: Vec<Figure>,
    pub(super) left_out: Vec<String>,
}

impl Report {
    /// Takes one and prints it.
    pub(super) fn add(&mut self, figure: Figure) {
        println!("  {}", line(&figure));
        self.figures.push(figure);
    }

    /// How many fall short.
    pub(super) fn short(&self) -> usize {
        self.figures.iter().filter(|figure| !figure.goal.is_met(figure.value)).count()
    }

    /// As Markdown.
    pub(super) fn table(&self) -> String {
        let mut text =
            "| what | ours | beside it | figure | goal | |\n| --- | --- | --- | --- | --- | --- |\n".to_owned();
        for figure in &self.figures {
            // Writing into a string does not fail.
            let _ = writeln!(text, "| {} |", line(figure));
        }
        for what in &self.left_out {
            let _ = writeln!(text, "\nLeft out: {what}");
        }
        text
    }
}

fn line(figure: &Figure) -> String {
    let Figure { what, ours, beside, value, goal } = figure;
    let value = if value.abs() >= 100.0 { format!("{value:.0}") } else { format!("{value:.2}") };
    let met = if goal.is_met(*value_of(figure)) { "" } else { "**short**" };
    format!("{what} | {ours} | {beside} | {value} | {} | {met}", goal.describe())
}

const fn value_of(figure: &Figure) -> &f64 {
    &figure.value
}

/// The middle one.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// `12.3 k/s`.
pub(super) fn rate(per_sec: f64) -> String {
    if per_sec >= 1_000.0 { format!("{:.1} k/s", per_sec / 1_000.0) } else { format!("{per_sec:.0}/s") }
}
