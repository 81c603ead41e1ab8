use super::*;

fn read(text: &str) -> Result<Source, String> {
    let settings: Settings = toml::from_str(text).map_err(|why| why.to_string())?;
    settings.check().map_err(|why| why.to_string())
}

fn refused(text: &str, says: &[&str]) {
    let why = read(text).expect_err(text);
    for part in says {
        assert!(why.contains(part), "{text}\nsays: {why}\nbut not: {part}");
    }
}

#[test]
fn a_file_source_has_sensible_defaults() {
    let source = read("name = 'web'\nkind = 'file'\npath = '/var/log/nginx/*.log'").unwrap();
    assert_eq!(source.common.start, Start::End);
    assert_eq!(source.common.format, Format::Auto);
    let Kind::File(file) = source.kind else { panic!("not a file source") };
    assert_eq!(file.paths, ["/var/log/nginx/*.log"]);
    assert_eq!(file.max_line, 262_144);
    assert_eq!(file.poll, Duration::from_secs(2));
    assert!(file.multiline.is_none());
}

#[test]
fn every_key_of_a_file_source_is_read() {
    let source = read(
        "name = 'web'\nkind = 'file'\npath = ['/a/*.log', '/b']\nexclude = ['*debug*']\nmax_line = 1000\npoll = '5s'\n\
         format = 'nginx-error'\ntimezone = 'Europe/Berlin'\nstart = 'since 2h'\nprogram = 'nginx'\ncustomers = true\n\
         multiline = { start = '^\\d', max_lines = 10, wait = '200ms' }",
    )
    .unwrap();
    assert_eq!(source.common.start, Start::Since(Duration::from_secs(7_200)));
    assert_eq!(source.common.zone.as_deref(), Some("Europe/Berlin"));
    assert_eq!(source.common.program.as_deref(), Some("nginx"));
    assert!(source.common.customers);
    let Kind::File(file) = source.kind else { panic!("not a file source") };
    let multiline = file.multiline.unwrap();
    assert!(matches!(multiline.border, Border::Start(_)));
    assert_eq!((multiline.max_lines, multiline.wait), (10, Duration::from_millis(200)));
}

#[test]
fn the_other_kinds_are_read() {
    let check = |text: &str, expected: &str| assert_eq!(format!("{:?}", read(text).unwrap().kind), expected, "{text}");
    check(
        "name = 'j'\nkind = 'journald'\nunits = ['nginx.service']\nmatches = ['_UID=0']",
        "Journald(Journald { units: [\"nginx.service\"], matches: [\"_UID=0\"], directory: None })",
    );
    check(
        "name = 's'\nkind = 'syslog'\nlisten = 'udp://127.0.0.1:514'",
        "Syslog(Syslog { listen: Udp(127.0.0.1:514) })",
    );
    check("name = 's'\nkind = 'syslog'\nlisten = 'tcp://[::1]:601'", "Syslog(Syslog { listen: Tcp([::1]:601) })");
    check("name = 's'\nkind = 'syslog'\nlisten = 'unix:///run/x'", "Syslog(Syslog { listen: Unix(\"/run/x\") })");
    check(
        "name = 'e'\nkind = 'exec'\ncommand = ['dmesg', '-w']\ninterval = '5m'",
        "Exec(Exec { argv: [\"dmesg\", \"-w\"], again: Some(Again { interval: 300s, timeout: 300s }) })",
    );
    check(
        "name = 'e'\nkind = 'exec'\ncommand = ['x']\ninterval = '3s'",
        "Exec(Exec { argv: [\"x\"], again: Some(Again { interval: 3s, timeout: 60s }) })",
    );
    check(
        "name = 'e'\nkind = 'exec'\ncommand = ['x']\ninterval = '5m'\ntimeout = '10s'",
        "Exec(Exec { argv: [\"x\"], again: Some(Again { interval: 300s, timeout: 10s }) })",
    );
    check("name = 'e'\nkind = 'exec'\ncommand = ['x']", "Exec(Exec { argv: [\"x\"], again: None })");
    check("name = 'p'\nkind = 'proxmox'", "Proxmox(Proxmox { folder: \"/var/log/pve/tasks\" })");
    check("name = 'c'\nkind = 'cron'", "Cron(Cron { path: None })");
    check("name = 'p'\nkind = 'push'\ntoken = '0123456789abcdef'", "Push(Push { token: Text(Secret(…)) })");
    let tasks = read(
        "name = 't'\nkind = 'task_lines'\npath = '/var/log/jobs'\nfields = { id = 'job_id', kind = 'type' }\n\
         states = { SUCCESS = 'ok' }",
    )
    .unwrap();
    let Kind::TaskLines(tasks) = tasks.kind else { panic!("not a task source") };
    assert_eq!(tasks.states.get("SUCCESS"), Some(&TaskState::Ok));
    assert_eq!(tasks.fields.kind.as_deref(), Some("type"));
}

#[test]
fn mistakes_name_source_key_and_way_out() {
    refused("name = 'web'\nkind = 'file'", &["`web`", "`path`", "missing"]);
    refused("name = 'web'\nkind = 'file'\npath = 'access.log'", &["`path`", "`access.log`", "absolute"]);
    refused("name = 'web'\nkind = 'file'\npath = '/a/[b'", &["`path`", "not a glob"]);
    refused("name = 'web'\nkind = 'file'\npath = '/a'\nunits = []", &["`units`", "`journald`", "`file`", "remove it"]);
    refused("name = 'web'\nkind = 'file'\npath = '/a'\nstart = 'now'", &["`start`", "`beginning`"]);
    refused("name = 'web'\nkind = 'file'\npath = '/a'\nstart = 'since lunch'", &["`start`", "length of time"]);
    refused("name = 'web'\nkind = 'file'\npath = '/a'\ntimezone = 'Mars/Base'", &["`timezone`", "Europe/Berlin"]);
    refused("name = 'web'\nkind = 'file'\npath = '/a'\nmultiline = { start = '(' }", &["`multiline`", "regular expr"]);
    refused("name = 'web'\nkind = 'file'\npath = '/a'\nmultiline = {}", &["`multiline`", "either"]);
    refused("name = 'e'\nkind = 'exec'\ncommand = ['x']\ntimeout = '1m'", &["`timeout`", "`interval`"]);
    refused("name = 'e'\nkind = 'exec'\ncommand = ['x']\ninterval = '1m'\ntimeout = '0s'", &["`timeout`", "zero"]);
    refused("name = 'web'\nkind = 'file'\npath = '/a'\nmax_line = 1", &["`max_line`", "between"]);
    refused("name = 'web'\nkind = 'file'\npath = '/a'\npoll = '1ms'", &["`poll`", "2s"]);
    refused("name = 'a b'\nkind = 'cron'", &["`a b`", "`name`"]);
    refused("name = 's'\nkind = 'syslog'\nlisten = 'localhost'", &["`listen`", "udp://"]);
    refused("name = 'e'\nkind = 'exec'\ncommand = []", &["`command`"]);
    let words = ["`command`", "no program is called `postqueue -j`", "[\"postqueue\", \"-j\"]"];
    refused("name = 'e'\nkind = 'exec'\ncommand = ['postqueue -j']", &words);
    refused("name = 'j'\nkind = 'journald'\nmatches = ['x']", &["`matches`", "FIELD=value"]);
    refused("name = 'p'\nkind = 'push'", &["`token_file`"]);
    refused("name = 'p'\nkind = 'push'\ntoken = 'short'", &["`token`", "guessed"]);
    refused("name = 't'\nkind = 'task_lines'\npath = '/a'", &["`fields`"]);
    refused("name = 'web'\nkind = 'file'\npath = '/a'\npaht = '/b'", &["paht"]);
}

#[test]
fn the_page_for_operators_names_every_key() {
    let page = include_str!("../../../../packaging/SOURCES.md");
    let unknown = toml::from_str::<Settings>("no_such_key = 1").unwrap_err().to_string();
    let known = unknown.split_once("expected one of").unwrap().1;
    let keys: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
    assert!(keys.len() > 15, "{unknown}");
    for key in keys {
        assert!(page.contains(&format!("`{key}`")) || page.contains(&format!("`{key} = ")), "{key}");
    }
    let example = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let table: toml::Table = toml::from_str(example).unwrap();
    read(&toml::to_string(&table["source"][0]).unwrap()).unwrap();
    let tasks = page.split("```toml\n").nth(2).and_then(|rest| rest.split("```").next()).unwrap();
    read(&format!("name = 't'\nkind = 'task_lines'\npath = '/t.jsonl'\n{tasks}")).unwrap();
    for format in [
        "auto",
        "syslog",
        "json",
        "logfmt",
        "access",
        "nginx-error",
        "apache-error",
        "php",
        "mysql",
        "postgresql",
        "plain",
    ] {
        assert!(page.contains(&format!("`{format}`")), "{format}");
        read(&format!("name = 'a'\nkind = 'file'\npath = '/a'\nformat = '{format}'")).unwrap();
    }
}
