//! `command`: any program of the user's own.

use std::ffi::OsString;
use std::path::PathBuf;

use haltline_evidence::clean_line;
use haltline_process::Exit;
use haltline_protocol::Failure;

use crate::attempt::EVENT;
use crate::provider::{Brief, Captured, CommandLine, Complaint, Plan, Provider, Reading, arguments};
use crate::setting::Setting;

/// The longest id that fits into the environment with room to spare: Linux takes 128 KiB a variable, and the event's
/// file has the id in any case.
const LONGEST_VARIABLE: usize = 32 << 10;

/// Runs the text of `--command` with `sh -c`, or the argv of the configuration.
#[derive(Debug)]
pub(super) struct Command;

impl Provider for Command {
    fn name(&self) -> &'static str {
        "command"
    }

    fn summary(&self) -> &'static str {
        "any program: the prompt on stdin, the report on stdout"
    }

    fn install_hint(&self) -> &'static str {
        "check the path of its program"
    }

    fn program(&self, setting: &Setting) -> Option<OsString> {
        match (&setting.shell_command, &setting.section.command) {
            (Some(_), _) => Some("sh".into()),
            (None, Some(command)) => command.first().map(Into::into),
            (None, None) => None,
        }
    }

    fn runs_commands(&self) -> bool {
        true
    }

    fn repeats_nonce(&self) -> bool {
        false
    }

    fn is_paid(&self) -> bool {
        false
    }

    fn plan(&self, brief: &Brief<'_>) -> Plan {
        let event = &brief.assignment.event;
        let mut line =
            CommandLine { program: brief.program.map(PathBuf::from).unwrap_or_default(), ..Default::default() };
        match &brief.setting.shell_command {
            Some(text) => line.arguments.extend(arguments(["-c", text])),
            None => line.arguments.extend(arguments(brief.setting.section.command.iter().flatten().skip(1))),
        }
        line.arguments.extend(arguments(&brief.setting.section.extra_args));
        line.environment.push(("HALTLINE_EVENT".to_owned(), brief.folder.join(EVENT).into()));
        line.environment.push(("HALTLINE_ATTEMPT_DIR".to_owned(), brief.folder.into()));
        for (name, id) in [("HALTLINE_FAULT_ID", event.fault_id.as_str()), ("HALTLINE_RUN_ID", event.run_id.as_str())] {
            if id.len() <= LONGEST_VARIABLE {
                line.environment.push((name.to_owned(), id.replace('\0', "").into()));
            }
        }
        Plan::Spawn(line)
    }

    fn read(&self, captured: &Captured<'_>) -> Reading {
        // What sh and env say of a program that is not there or is none (POSIX, 2.8.2).
        let failure = match captured.exit {
            Exit::Code(code @ (126 | 127)) => {
                let said = captured.stderr.lines().last().unwrap_or_default();
                Some(Complaint::new(Failure::MissingProgram, format!("exit code {code}: {}", clean_line(said))))
            }
            _ => None,
        };
        let answers = vec![captured.stdout.to_owned()];
        Reading { answers, failure, trusts_report_cost: true, ..Reading::default() }
    }
}
