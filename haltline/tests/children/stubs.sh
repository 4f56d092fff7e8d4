#!/bin/sh
# Investigators that misbehave: MODE MARK QUEUE BESIDE PROGRAM. MARK is a number that no other process has in its
# command line or its environment; it stands in everything that is meant to outlive its drain.
mode=$1 mark=$2 queue=$3 beside=$4 program=$5
export CHILD_MARK="$mark"

# Prints a report. The second argument is more fields, with a comma before them.
report() {
  printf '{"faultId":"%s","outcome":"%s","rootCause":"%s","evidence":["No space left on device"],' \
    "$HALTLINE_FAULT_ID" "${2:-root-cause-identified}" "$1"
  printf '"proposedFix":null,"learnedPatternProposal":null%s}\n' "$3"
}
costs() { report 'the disk is full' '' ",$1"; }
megabytes() { head -c "$1"000000 /dev/zero | tr '\0' x; }
forever() { while :; do sleep "300.$mark"; done; }

# The second event of a drain is an honest one's: it tells what the attempts before it take on disk.
if [ "$HALTLINE_FAULT_ID" = second ]; then
  du -sb "$HALTLINE_ATTEMPT_DIR"/../* > "$beside/sizes"
  report 'the disk is full'
  exit
fi

case $mode in
  empty) ;;
  garbage) head -c 100000 /dev/urandom; echo '{{{[[["}]' ;;
  exit-1) echo 'no such model' >&2; exit 1 ;;
  exit-137) exit 137 ;;
  signal) kill -SEGV $$ ;;
  killed-as-if-out-of-memory) megabytes 20 | wc -c >&2; kill -KILL $$ ;;
  hangs-and-ignores-term) trap '' TERM INT HUP; forever ;;
  floods-stdout) report 'never mind'; yes "$mark" ;;
  floods-stderr) report 'never mind'; yes "$mark" >&2 ;;
  floods-both) yes "$mark" & yes "$mark" >&2 & wait ;;
  grandchild-holds-stdout) setsid sleep "300.$mark" & report 'the disk is full' ;;
  double-fork)
    # No variable, no descriptor and no session tells whose it is.
    (setsid env -i sh -c "trap '' TERM HUP; sleep 300.$mark & exec sleep 301.$mark" </dev/null >/dev/null 2>&1 &)
    until grep -qs "301.$mark" /proc/[0-9]*/cmdline; do :; done
    report 'the disk is full' ;;
  forks-while-it-is-ended)
    trap '' TERM
    fork() { i=0; while [ $i -lt 2000 ]; do setsid sleep "1.$mark" & i=$((i + 1)); sleep 0.02; done; }
    fork & fork ;;
  closes-its-outputs) exec >&- 2>&-; forever ;;
  reports-and-stays) report 'the disk is full'; exec >&-; forever ;;
  reads-and-waits) size=$(wc -c); cat; [ "$size" -gt 200000 ] && report 'the disk is full' ;;
  vanishes) rm "$0"; report 'the disk is full' ;;
  other-fault) HALTLINE_FAULT_ID=another; report 'the disk is full' ;;
  prose-around) echo 'I looked at {it}.'; report 'the disk is full'; echo 'That is "all" I found }.' ;;
  several-objects)
    report 'the first guess'; echo '{"faultId":"another","outcome":"needs-human"}'; report 'the disk is full'
    echo '{"tokens": 7}'; echo '{"faultId": 7}' ;;
  fenced) echo 'Here:'; echo '```json'; report 'the disk is full'; echo '```' ;;
  seven-megabytes) report "the disk is full $(megabytes 7)" ;;
  ten-megabytes) printf '{"faultId":"%s","rootCause":"' "$HALTLINE_FAULT_ID"; megabytes 10; printf '"}\n' ;;
  paths-and-events-in-fields)
    printf '{"faultId":"%s","outcome":"duplicate-of","duplicateOfPath":"../../../../beside/planted",' "$HALTLINE_FAULT_ID"
    printf '"rootCause":"../../planted","evidence":["/etc/passwd:1","../planted:1"],"severity":"LOW",'
    printf '"event":{"faultId":"planted","runId":"planted","kind":"PHASE_FAILED","severity":"CRITICAL"},'
    printf '"proposedFix":{"options":[{"label":"../planted","description":"touch %s/planted","blast_radius":"narrow"}]},' "$beside"
    printf '"learnedPatternProposal":{"category":"../planted","matcherKind":"stdout_contains","pattern":"",'
    printf '"severity":"HIGH","description":"planted"}}\n' ;;
  writes-into-the-queue)
    printf '{"report":{"faultId":"another"}}' > "$HALTLINE_ATTEMPT_DIR/result.json"
    mkdir -p "$queue/processed" "$queue/reports/r"
    echo 'mine' > "$queue/processed/r-first.json"
    echo 'mine' > "$queue/reports/r/first.md"
    echo 'mine' > "$beside/target"
    ln -sf "$beside/target" "$HALTLINE_ATTEMPT_DIR/process.json"
    rm "$HALTLINE_ATTEMPT_DIR/stderr"; ln -s "$beside/target" "$HALTLINE_ATTEMPT_DIR/stderr"
    echo 'half a' > "$queue/pending-investigations/planted.json"
    report 'the disk is full' ;;
  plants-a-link-for-its-report)
    mkdir -p "$queue/reports/r"; echo 'mine' > "$beside/target"; ln -s "$beside/target" "$queue/reports/r/first.md"
    report 'the disk is full' ;;
  emits-and-drains)
    "$program" --home "$queue/.." emit --kind PHASE_FAILED --run-id nested --message again > "$beside/emitted"
    "$program" --home "$queue/.." drain-faults --queue --run-id nested --command 'touch planted' --investigator command
    echo $? > "$beside/nested"
    report 'the disk is full' ;;
  needs-a-tty) read -r answer < /dev/tty || exit 1; report "$answer" ;;
  has-no-home) [ -z "${HOME+set}" ] && [ "$TERM" = dumb ] && report 'the disk is full' ;;
  cost-missing | prints-nothing-of-its-cost) report 'the disk is full' ;;
  cost-null) costs '"costUsd":null' ;;
  cost-negative) costs '"costUsd":-3' ;;
  cost-not-a-number) costs '"costUsd":NaN' ;;
  cost-huge) costs '"costUsd":1e300' ;;
  cost-in-words) costs '"costUsd":"free"' ;;
  cost-in-another-currency) costs '"costUsd":0.01,"currency":"BTC"' ;;
  prints-after-its-report) report 'the disk is full'; megabytes 1; echo; echo '[1, 2' ;;
  never-reads-its-prompt) exec </dev/null; report 'the disk is full' ;;
  *) echo "no mode $mode" >&2; exit 64 ;;
esac
