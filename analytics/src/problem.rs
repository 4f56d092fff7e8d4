//! How a failed system call becomes an answer: whether to try again, and what to do.

use std::io;

use haltline_files::FileError;
use haltline_protocol::SinkError;
use rustix::io::Errno;

/// Tells what may pass from what stays until somebody mends it.
pub(crate) fn sink_error(sink: &'static str, problem: &FileError) -> SinkError {
    let reason = problem.to_string();
    if may_pass(&problem.source) {
        SinkError::Retriable { sink, reason }
    } else {
        SinkError::Permanent { sink, reason }
    }
}

/// A folder that was taken away (ENOENT) is made again by the next try, and a name that another drain took (EEXIST) is
/// passed over by it.
fn may_pass(error: &io::Error) -> bool {
    let passing = [
        Errno::NOSPC,
        Errno::DQUOT,
        Errno::FBIG,
        Errno::IO,
        Errno::MFILE,
        Errno::NFILE,
        Errno::NOMEM,
        Errno::AGAIN,
        Errno::INTR,
        Errno::BUSY,
        Errno::STALE,
        Errno::TIMEDOUT,
        Errno::NOENT,
        Errno::EXIST,
    ];
    Errno::from_io_error(error).is_some_and(|errno| passing.contains(&errno))
}

/// Runs file work where it may block, and answers once it is done.
pub(crate) async fn off_the_runtime<T: Send + 'static>(
    sink: &'static str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, SinkError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| SinkError::Permanent { sink, reason: format!("its work broke off: {error}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_is_told_from_what_must_be_mended() {
        let table = [
            (Errno::NOSPC, true),
            (Errno::DQUOT, true),
            (Errno::IO, true),
            (Errno::MFILE, true),
            (Errno::LOOP, false),
            (Errno::ACCESS, false),
            (Errno::PERM, false),
            (Errno::ROFS, false),
            (Errno::NOTDIR, false),
            (Errno::INVAL, false),
        ];
        for (errno, passes) in table {
            let answer = sink_error("s", &FileError::new("open", "/x", errno));
            assert_eq!(matches!(answer, SinkError::Retriable { .. }), passes, "{errno:?}");
        }
        let no_errno = FileError::new("open", "/x", io::Error::other("odd"));
        assert!(matches!(sink_error("s", &no_errno), SinkError::Permanent { .. }));
    }

    #[tokio::test]
    async fn work_that_panics_is_an_error_and_not_the_end() {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        let answer = off_the_runtime("s", || assert_eq!(1, 2)).await;
        std::panic::set_hook(hook);
        assert!(matches!(answer, Err(SinkError::Permanent { .. })));
    }
}
