//! `haltline doctor`: looks whether a drain could run and investigate here, and says what to do where it could not.
//! Nothing is written into the queue, and nobody is asked anything but for a version.

use haltline_dispatcher::{DispatcherConfig, Environment, Finding, Providers, Seen};
use haltline_protocol::Layout;
use haltline_view::{Advice, Checkup, FolderFinding, FolderState, InvestigatorView, look_at_folders};

use super::fsck;
use crate::cli::{Doctor, DrainArgs};
use crate::config;
use crate::exit::Exit;
use crate::output::{self, advise, line, visible};

pub(crate) fn run(layout: &Layout, args: &Doctor) -> Exit {
    if args.fsck {
        return fsck::run(layout, args);
    }
    let checkup = match look(layout, args) {
        Ok(checkup) => checkup,
        Err(error) => {
            output::error(&error);
            return Exit::Failed;
        }
    };
    if args.json {
        output::json(&checkup);
    } else {
        print(&checkup);
    }
    if checkup.ok { Exit::Done } else { Exit::Failed }
}

/// Looks at everything. A configuration that cannot be used hides nothing else: what is built in stands in for it.
fn look(layout: &Layout, args: &Doctor) -> std::io::Result<Checkup> {
    let mut problems = Vec::new();
    let settings = config::in_force(args.config.as_deref(), &DrainArgs::default());
    let (config_file, inbox, dispatcher) = match settings {
        Ok(settings) => (settings.file.clone(), settings.inbox.clone(), settings.into_dispatcher()),
        Err(error) => {
            problems.push(Advice::new(error.to_string(), "correct it; `haltline config show` tells when it is right"));
            let environment = Environment::of_this_process();
            (None, None, DispatcherConfig { environment, ..DispatcherConfig::default() })
        }
    };
    let mut hints = Vec::new();
    let (mut auto, mut findings) = (None, Vec::new());
    match Providers::build(&dispatcher) {
        Ok(providers) => {
            findings = survey(&providers)?;
            auto = judge(&providers, &findings, &mut problems, &mut hints);
        }
        Err(error) => problems.push(Advice::new(error.to_string(), "correct the configuration")),
    }
    let folders = look_at_folders(layout, inbox.as_deref());
    problems.extend(folders.problems);
    hints.extend(folders.hints);
    Ok(Checkup {
        ok: problems.is_empty(),
        home: layout.home().to_owned(),
        config_file,
        auto,
        investigators: findings.into_iter().map(investigator).collect(),
        folders: folders.folders,
        problems,
        hints,
    })
}

/// Asks the programs for their versions, with a folder of their own that is gone afterwards.
fn survey(providers: &Providers) -> std::io::Result<Vec<Finding>> {
    let scratch = tempfile::Builder::new().prefix("haltline-doctor-").tempdir()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let findings = runtime.block_on(providers.survey(scratch.path()));
    scratch.close()?;
    Ok(findings)
}

/// Says whom a drain would ask first, and what is wrong with the chain.
fn judge(
    providers: &Providers,
    findings: &[Finding],
    problems: &mut Vec<Advice>,
    hints: &mut Vec<Advice>,
) -> Option<String> {
    let in_chain = || findings.iter().filter(|finding| finding.is_chosen);
    let auto = match providers.pick() {
        Ok(investigator) => investigator.name().to_owned(),
        Err(none) if in_chain().any(|finding| !matches!(finding.seen, Seen::Missing { .. })) => {
            problems.push(Advice::new(none.to_string(), "run haltline outside of the investigation"));
            return None;
        }
        Err(_) => {
            let wanted: Vec<_> = in_chain().map(|finding| finding.name.as_str()).collect();
            let install: Vec<_> = in_chain().map(|finding| finding.install_hint).collect();
            problems.push(Advice::new(
                format!("no investigator of drain.chain is on PATH: {}", wanted.join(", ")),
                format!("install one ({}), or drain with `--investigator triage`", install.join("; ")),
            ));
            return None;
        }
    };
    for finding in in_chain() {
        let Seen::Broken { program, problem } = &finding.seen else { continue };
        let (name, program) = (&finding.name, program.display());
        let advice = Advice::new(
            format!("`{name}` is in drain.chain and does not start: {program}: {problem}"),
            format!("mend it ({}), or take it out of drain.chain", finding.install_hint),
        );
        // The first that is there is asked, and one that does not start fails each investigation.
        if *name == auto { problems.push(advice) } else { hints.push(advice) }
    }
    Some(auto)
}

fn investigator(finding: Finding) -> InvestigatorView {
    let (state, program, version, problem) = match finding.seen {
        Seen::BuiltIn => ("built-in", None, None, None),
        Seen::Starts { program, version } => ("starts", Some(program), version, None),
        Seen::Broken { program, problem } => ("broken", Some(program), None, Some(problem)),
        Seen::Missing { wanted } => ("missing", None, None, Some(format!("no executable {wanted}"))),
    };
    InvestigatorView {
        name: finding.name,
        summary: finding.summary,
        is_chosen: finding.is_chosen,
        state,
        program,
        version,
        problem,
        install_hint: finding.install_hint,
    }
}

fn investigator_line(investigator: &InvestigatorView) -> String {
    let chain = if investigator.is_chosen { "*" } else { " " };
    let version = investigator.version.as_deref().unwrap_or_default();
    let program = investigator.program.as_ref().map(|program| program.display().to_string()).unwrap_or_default();
    let problem = investigator.problem.as_deref().unwrap_or_default();
    let rest: Vec<_> = [version, &program, problem].into_iter().filter(|part| !part.is_empty()).collect();
    format!("  {chain} {:<10} {:<9} {}", visible(&investigator.name), investigator.state, visible(&rest.join("  ")))
}

fn print(checkup: &Checkup) {
    match &checkup.config_file {
        Some(path) => line(format!("Configuration: {}", path.display())),
        None => line("Configuration: what is built in"),
    }
    line(format!("Home: {}", checkup.home.display()));
    for FolderFinding { path, state } in &checkup.folders {
        let state = match state {
            FolderState::Usable => "usable",
            FolderState::NotThere => "not there",
            FolderState::Unusable => "unusable",
        };
        let shown = path.strip_prefix(&checkup.home).ok().filter(|below| !below.as_os_str().is_empty());
        line(format!("    {state:<10} {}", shown.unwrap_or(path).display()));
    }
    line("Investigators (* in drain.chain)");
    checkup.investigators.iter().for_each(|investigator| line(investigator_line(investigator)));
    if let Some(auto) = &checkup.auto {
        line(format!("A drain asks `{}` first. Whether it is logged in shows when it is asked.", visible(auto)));
    }
    advise("hint", &checkup.hints);
    advise("problem", &checkup.problems);
    if checkup.ok {
        line("A drain could run and investigate.");
    }
}
