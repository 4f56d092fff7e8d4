//! `haltline config show`: what is in force and where each value comes from, as a configuration file.

use std::fmt::Write;

use haltline_dispatcher::{InvestigatorConfig, PRICES_AS_OF, Price, PriceTable};
use haltline_protocol::Layout;

use crate::cli::{ConfigShow, DrainArgs};
use crate::config::{self, Origin, Settings};
use crate::exit::Exit;
use crate::output;

pub(crate) fn run(layout: &Layout, args: &ConfigShow) -> Exit {
    let settings = config::in_force(args.config.as_deref(), &DrainArgs::default());
    match settings {
        Ok(settings) => {
            output::line(show(layout, &settings).trim_end());
            Exit::Done
        }
        Err(error) => {
            output::error(&error);
            Exit::Config
        }
    }
}

fn show(layout: &Layout, settings: &Settings) -> String {
    let mut lines = Lines::default();
    let file = settings.file.as_ref().map_or_else(|| "none".to_owned(), |path| comment(&path.to_string_lossy()));
    let inbox = settings.inbox.clone().unwrap_or_else(|| layout.inbox());
    lines.line(format!("# home: {}", comment(&layout.home().to_string_lossy())));
    lines.line(format!("# configuration file: {file}"));
    lines.line(format!("# inbox: {}  # {}", comment(&inbox.to_string_lossy()), settings.inbox_origin));

    lines.section("[drain]");
    lines.value("max", settings.max.value, settings.max.origin);
    let severity = config::string(settings.severity_min.value.as_str());
    lines.value("severity_min", severity, settings.severity_min.origin);
    lines.value("jobs", settings.jobs.value, settings.jobs.origin);
    lines.value("timeout", config::duration(settings.timeout.value), settings.timeout.origin);
    lines.value("chain", config::strings(&settings.chain.value), settings.chain.origin);
    lines.value("max_attempts", settings.max_attempts.value, settings.max_attempts.origin);

    for (name, section) in &settings.investigators {
        lines.section(&format!("[investigators.{}]", config::key(name)));
        lines.investigator(section);
    }
    lines.section("[prices]");
    for (model, price) in &settings.prices {
        lines.value(&config::key(model), inline_price(price), Origin::File);
    }
    // As comments: whoever takes the text for a file keeps following the built-in prices of later releases.
    for (model, price) in PriceTable::default().rows().filter(|(model, _)| !settings.prices.contains_key(*model)) {
        lines.line(format!("# {} = {}  # built-in, as of {PRICES_AS_OF}", config::key(model), inline_price(price)));
    }

    lines.section("[budget]");
    let per_investigation = settings.per_investigation_usd;
    lines.value("per_investigation_usd", format!("{:?}", per_investigation.value), per_investigation.origin);
    lines.value("assumed_usd", format!("{:?}", settings.assumed_usd.value), settings.assumed_usd.origin);

    for sink in &settings.sinks {
        lines.section("[[sinks]]");
        lines.value("kind", config::string(&sink.kind), Origin::File);
        for (name, value) in &sink.settings {
            lines.value(&config::key(name), config::value(value), Origin::File);
        }
    }
    lines.0
}

/// A price on one line. Debug keeps the point of a whole number.
fn inline_price(price: &Price) -> String {
    let Price { input, cached_input, output } = price;
    format!("{{ input = {input:?}, cached_input = {cached_input:?}, output = {output:?} }}")
}

/// A path for a comment: what would end the line is escaped.
fn comment(text: &str) -> String {
    if text.chars().any(char::is_control) { text.escape_debug().to_string() } else { text.to_owned() }
}

#[derive(Default)]
struct Lines(String);

impl Lines {
    fn line(&mut self, text: impl AsRef<str>) {
        self.0.push_str(text.as_ref());
        self.0.push('\n');
    }

    fn section(&mut self, header: &str) {
        self.0.push('\n');
        self.line(header);
    }

    fn value(&mut self, key: &str, value: impl std::fmt::Display, origin: Origin) {
        writeln!(self.0, "{key} = {value}  # {origin}").ok();
    }

    fn investigator(&mut self, section: &InvestigatorConfig) {
        for (key, text) in [("model", &section.model), ("reasoning", &section.reasoning)] {
            if let Some(text) = text {
                self.value(key, config::string(text), Origin::File);
            }
        }
        if let Some(length) = section.timeout {
            self.value("timeout", config::duration(length), Origin::File);
        }
        if let Some(command) = &section.command {
            self.value("command", config::strings(command), Origin::File);
        }
        if !section.extra_args.is_empty() {
            self.value("extra_args", config::strings(&section.extra_args), Origin::File);
        }
        // The values are credentials as often as not.
        for name in section.env.keys() {
            self.line(format!("# env.{} is set  # hidden", config::key(name)));
        }
    }
}
