//! The log, on standard error: `RUST_LOG` where it is set, else `-v`.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Starts the log. `verbose` is how often `-v` was given: warnings, then what happens, then how, then everything.
pub(crate) fn start(verbose: u8) {
    let level = match verbose {
        0 => "warn",
        1 => "warn,haltline=info",
        2 => "info,haltline=debug",
        _ => "trace",
    };
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level)))
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(verbose > 1)
        // It would complain on standard error, and panic where that is what cannot be written.
        .log_internal_errors(false)
        .init();
}
