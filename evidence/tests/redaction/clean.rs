//! A log without secrets: 10,000 lines as builds, tests, containers and agents print them.

use crate::dice::{ALNUM, BASE64, Dice, HEX};

pub(crate) fn clean_lines() -> Vec<String> {
    let mut dice = Dice(11);
    (0..10_000).map(|number| line(&mut dice, number)).collect()
}

fn line(dice: &mut Dice, number: usize) -> String {
    let n = dice.below(1000);
    let hex = |dice: &mut Dice, length| dice.text(HEX, length);
    let package =
        dice.pick(&["serde", "tokio-util", "regex-automata", "@babel/core", "eslint-plugin-import", "left-pad"]);
    let file =
        dice.pick(&["src/auth/token.rs", "lib/password_reset.py", "pkg/secrets/store_test.go", "app/api_key.ts"]);
    let stamp = format!("2026-11-22T10:{:02}:{:02}.{:03}Z", n % 60, n % 59, n);
    let uuid = format!("{}-{}-4{}-a{}-{}", hex(dice, 8), hex(dice, 4), hex(dice, 3), hex(dice, 3), hex(dice, 12));
    match number % 72 {
        0 => format!("   Compiling {package} v1.{}.{n}", n % 40),
        1 => format!("    Finished `test` profile [unoptimized + debuginfo] target(s) in {n}.42s"),
        2 => format!("warning: unused variable: `token_{n}`\n   --> {file}:{n}:9").replace('\n', " "),
        3 => format!("error[E0308]: mismatched types --> {file}:{n}:{}", n % 80),
        4 => format!("test auth::tests::a_token_is_refused_{n} ... ok"),
        5 => format!("npm http fetch GET 200 https://registry.example/{package} {n}ms (cache miss)"),
        6 => format!("npm warn deprecated {package}@2.{n}.0: this package is no longer supported"),
        7 => format!("added {n} packages, and audited {} packages in 7s", n * 3),
        8 => format!("\"integrity\": \"sha512-{}==\",", dice.text(BASE64, 86)),
        9 => format!("{file}::test_password_reset[{n}] PASSED   [ {}%]", n % 100),
        10 => format!("FAILED {file}::test_token_expiry - AssertionError: assert {n} == {}", n + 1),
        11 => format!("E       KeyError: 'session_token_{n}'"),
        12 => format!("--- PASS: TestSecretStore/case_{n} (0.0{}s)", n % 10),
        13 => format!("ok  \tgithub.com/acme/app/pkg/secrets\t0.{n}s\tcoverage: {}.1% of statements", n % 100),
        14 => format!("panic: runtime error: index out of range [{n}] with length {} goroutine {n} [running]:", n / 2),
        15 => format!("commit {}", hex(dice, 40)),
        16 => format!("HEAD is now at {} Fix token refresh (#{n})", hex(dice, 7)),
        17 => format!("   {}..{}  main -> origin/main", hex(dice, 9), hex(dice, 9)),
        18 => format!("index {}..{} 100644", hex(dice, 10), hex(dice, 10)),
        19 => format!("{}  dist/app-{n}.tar.gz", hex(dice, 64)),
        20 => format!("{}: Pull complete", hex(dice, 12)),
        21 => format!("#{n} [build 4/7] COPY --from=deps /app/node_modules ./node_modules"),
        22 => format!("Digest: sha256:{}", hex(dice, 64)),
        23 => format!("#{n} sha256:{} {n}MB / {}MB 1.2s", hex(dice, 64), n + 7),
        24 => format!("dist/assets/index-{}.js   {n}.31 kB | gzip: 41.2 kB", dice.text(ALNUM, 8)),
        25 => format!("asset vendors-{}.chunk.css {n} KiB [emitted] [immutable]", hex(dice, 20)),
        26 => format!("{stamp} INFO request_id={uuid} status=200 duration_ms={n}"),
        27 => format!("{stamp} WARN retrying: attempt {n} of 5 for job {uuid}"),
        28 => format!("    at Object.<anonymous> (/home/ci/app/node_modules/{package}/lib/index.js:{n}:13)"),
        29 => format!("  File \"/usr/lib/python3.11/site-packages/{package}/auth.py\", line {n}, in get_token"),
        30 => format!("    raise AuthError(f\"no token for user {{user_{n}}}\")"),
        31 => {
            format!("  {n}: core::panicking::panic_fmt at /rustc/{}/library/core/src/panicking.rs:75:14", hex(dice, 40))
        }
        32 => format!("0x{}: mov rax, qword ptr [rsp + {n}]", hex(dice, 16)),
        33 => format!("max_tokens: {n}, temperature: 0.{n}, prompt_tokens={} completion_tokens={n}", n * 17),
        34 => format!("Using token from environment variable GITHUB_TOKEN for run {n}"),
        35 => {
            format!("password: {}", dice.pick(&["required", "string", "********", "None", "null", "must be a string"]))
        }
        36 => format!("secret/{}-tls-v{} created", dice.pick(&["app", "web", "db"]), n % 10),
        37 => format!("pod/web-{}-{} condition met", hex(dice, 10), dice.text("bcdfghjklmnpqrstvwxz2456789", 5)),
        38 => format!("Authorization failed for user {n}: permission denied"),
        39 => format!("warning: cookie without SameSite was ignored ({n} times)"),
        40 => format!("curl: ({}) Failed to connect to localhost port {n}", n % 90),
        41 => format!("GET https://example.org:8443/api/v2/items/{uuid}?page={n}&sort=desc HTTP/1.1"),
        42 => format!("Cloning into 'app'... remote: Enumerating objects: {n}, done."),
        43 => format!("origin\tgit@github.com:acme/app-{n}.git (fetch)"),
        44 => format!("Unpacking libssl3:amd64 (3.0.{n}-1~deb12u2) over (3.0.11-1) ..."),
        45 => format!("[{n}/1423] Building CXX object src/CMakeFiles/token_bucket.dir/key_{n}.cc.o"),
        46 => format!("Restored cache key: node-modules-linux-{}", hex(dice, 64)),
        47 => format!("checksum = \"{}\"", hex(dice, 64)),
        48 => format!("tokenizer_config.json: 100%|##########| {n}k/{n}k [00:00<00:00, 1.2MB/s]"),
        49 => format!("etag: W/\"{}-{}\"", hex(dice, 4), dice.text(BASE64, 27)),
        50 => format!("SyntaxError: Unexpected token '}}' at position {n} in JSON"),
        51 => format!("{stamp} DEBUG pool: acquired connection {n} trace={} span={}", hex(dice, 32), hex(dice, 16)),
        52 => format!("const token = await getAuthToken(req.user.id{n});"),
        53 => format!("    let secret = config.database.password_{};", n % 10),
        54 => format!("# pass {n}"),
        55 => format!("sort -u /tmp/build-{}.list | xargs -n {n} rm -f", hex(dice, 6)),
        56 => format!("data:image/png;base64,iVBORw0KGgoAAAANSUhEUg{}", dice.text(BASE64, 120)),
        57 => format!("sourceMappingURL=app.{}.js.map", hex(dice, 8)),
        58 => format!("credentials: using role build-{n} (expires {stamp})"),
        59 => format!("let password = readUserPassword(form{n});"),
        60 => "password = passwordFromEnvironment".to_owned(),
        61 => format!("  <password>{}</password>", dice.pick(&["string", "${db.password}", "********", "required"])),
        62 => format!("  <token-count>{n}</token-count><passwordRules minimum=\"8\">"),
        63 => format!("g++ -o app-{n} main.o -L/usr/lib/mysql -lmysqlclient -pthread -pipe"),
        64 => format!("mysql -u root -p -P 33{n} shop < dump-{n}.sql"),
        65 => "DB_PASSWORD=".to_owned(),
        66 => format!("DB_HOST=db-{n}.internal.example"),
        67 => format!("login password for user{n} expired"),
        68 => "  password:".to_owned(),
        69 => format!("    secretKeyRef{n}:"),
        _ => dice
            .pick(&["", "All files pass linting.", "Done.", "Traceback (most recent call last):", "```", "---"])
            .to_owned(),
    }
}
