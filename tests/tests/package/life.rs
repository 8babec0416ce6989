//! From `apt install` to `apt purge`.

use std::{
    collections::BTreeSet,
    fs,
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use gateway_tests::{CARD, Client, Plan, Scratch, server};
use serde_json::json;

use crate::machine::{Machine, Parts};

const SHOP: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 18_080);
const BLUE: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 18_081);
const MASKED: &str = "411111******1111";

/// The worst score of `systemd-analyze security` that the unit may have (systemd 252).
const EXPOSURE_MAX: f64 = 3.1;

const POLICY: &str = r#"
@id("session") permit(principal, action in Mcp::Action::"session", resource);
@id("list") permit(principal, action in Mcp::Action::"list", resource);
@id("calls") permit(principal, action == Mcp::Action::"tools/call", resource);
"#;

const FORBID: &str = r#"
@id("no-deletes") forbid(principal, action == Mcp::Action::"tools/call", resource)
when { resource.name == "delete_customer" };
"#;

/// An enforcing, closed gateway; `extra` goes into the redirect's table.
fn config(address: SocketAddr, name: &str, extra: &str) -> String {
    format!(
        "mode = \"enforce\"\n[redirect]\ncgroup = \"/sys/fs/cgroup\"\nfail = \"closed\"\n{extra}\n\
         [[server]]\nname = \"shop\"\ninbound = [\"{address}\"]\nevidence = [\"process\"]\n\
         [policy]\ndir = \"/etc/panward/policy.d\"\n\
         [audit]\ndir = \"/var/log/panward/{name}\"\n\
         [admin]\nsocket = \"/run/{name}/admin.sock\"\nlisten = \"\"\n"
    )
}

struct Life<'a> {
    scratch: &'a Scratch,
    machine: Machine<'a>,
}

impl Life<'_> {
    /// What a client receives from `lookup_customer`, and whether `delete_customer` worked.
    fn call(&self, client: Client) -> anyhow::Result<(String, bool)> {
        let plan = Plan::default()
            .call("lookup_customer", json!({"customer_id": "1001"}))
            .call("delete_customer", json!({"customer_id": "1002"}));
        let wrap = self.machine.wrap()?;
        let wrap: Vec<&str> = wrap.iter().map(String::as_str).collect();
        let received = client
            .run_wrapped(self.scratch, &wrap, &server::url(SHOP), None, &plan)?
            .map_err(|refused| anyhow::anyhow!("{client:?}: {}", refused.message))?;
        let [lookup, delete] = received.calls.as_slice() else {
            anyhow::bail!("{client:?}: {} calls", received.calls.len());
        };
        let deleted = delete.result.is_some() && !delete.is_tool_error();
        Ok((lookup.text()?.to_owned(), deleted))
    }

    fn is_masked(&self, when: &str) -> anyhow::Result<()> {
        let (text, _) = self.call(Client::Rust).context(when.to_owned())?;
        ensure!(text.contains(MASKED), "{when}: {text}");
        Ok(())
    }

    fn is_direct(&self, when: &str) -> anyhow::Result<()> {
        let (text, _) = self.call(Client::Rust).context(when.to_owned())?;
        ensure!(text.contains(CARD), "{when}: {text}");
        Ok(())
    }

    fn is_closed(&self, when: &str) -> anyhow::Result<()> {
        let connected = self.machine.connect(SHOP);
        ensure!(
            connected.is_err(),
            "{when}: a closed host let a client through"
        );
        Ok(())
    }

    fn write(&self, path: &str, text: &str) -> anyhow::Result<()> {
        fs::write(self.machine.file(path), text).with_context(|| format!("write {path}"))
    }

    fn main_pid(&self) -> anyhow::Result<u32> {
        let said = self
            .machine
            .shell("systemctl show --property=MainPID --value panward")?;
        said.trim().parse().context("MainPID")
    }

    /// Everything that a package could leave behind: files, pins, users, units.
    fn traces(&self) -> anyhow::Result<BTreeSet<String>> {
        let said = self.machine.shell(
            "find /etc /usr /var /opt /sys/fs/bpf \
             -not -path '/var/cache/*' -not -path '/var/lib/apt/*' -not -path '/var/lib/dpkg/*' \
             -not -path '/var/lib/systemd/*' -not -path '/var/log/*' -not -path '/var/tmp/*'
             find / -name '*panward*' -not -path '/proc/*'
             cat /etc/passwd /etc/group
             systemctl list-unit-files --no-legend 'panward*' || true",
        )?;
        Ok(said.lines().map(str::to_owned).collect())
    }
}

#[test]
fn the_package_from_install_to_purge() -> anyhow::Result<()> {
    let Some(parts) = Parts::found("the_package_from_install_to_purge") else {
        return Ok(());
    };
    let scratch = Scratch::new("package")?;
    let life = Life {
        scratch: &scratch,
        machine: Machine::boot(&scratch, &parts)?,
    };
    let before = life.traces()?;
    install(&life)?;
    start(&life)?;
    hardening_is_in_force(&life)?;
    reload(&life)?;
    restart_and_reinstall(&life)?;
    crash(&life)?;
    stop(&life)?;
    second_pin_folder(&life)?;
    purge(&life, &before)
}

/// Installing starts nothing, and the unit is one that systemd takes without a word.
fn install(life: &Life<'_>) -> anyhow::Result<()> {
    let machine = &life.machine;
    machine.shell(&format!("apt-get install -y {}", Machine::PACKAGE))?;
    let (active, state, _) = machine.run("systemctl is-active panward")?;
    ensure!(!active, "installing started it: {state}");
    let (enabled, state, _) = machine.run("systemctl is-enabled panward")?;
    ensure!(!enabled, "installing enabled it: {state}");
    let (fine, out, err) = machine.run("systemd-analyze verify panward.service")?;
    ensure!(
        fine && out.is_empty() && err.is_empty(),
        "the unit: {out}{err}"
    );
    machine.shell(&format!(
        "systemd-run --quiet --unit=shop /usr/lib/panward/demo-server --listen {SHOP}"
    ))?;
    let deadline = Instant::now() + Duration::from_secs(10);
    while machine.connect(SHOP).is_err() {
        ensure!(Instant::now() < deadline, "the server did not come up");
        std::thread::sleep(Duration::from_millis(20));
    }
    life.is_direct("before panward")
}

fn start(life: &Life<'_>) -> anyhow::Result<()> {
    life.write("/etc/panward/panward.toml", &config(SHOP, "panward", ""))?;
    life.write("/etc/panward/policy.d/all.cedar", POLICY)?;
    life.machine.shell("systemctl enable --now panward")?;
    for client in [Client::Rust, Client::TypeScript2, Client::Python2] {
        let (text, deleted) = life.call(client)?;
        ensure!(text.contains(MASKED) && deleted, "{client:?}: {text}");
    }
    Ok(())
}

fn hardening_is_in_force(life: &Life<'_>) -> anyhow::Result<()> {
    let pid = life.main_pid()?;
    let status = life.machine.shell(&format!("cat /proc/{pid}/status"))?;
    // DAC_READ_SEARCH, NET_ADMIN, SYS_PTRACE, PERFMON, BPF: bits 2, 12, 19, 38, 39.
    for line in [
        "CapEff:\t000000c000081004",
        "CapBnd:\t000000c000081004",
        "NoNewPrivs:\t1",
        "Seccomp:\t2",
    ] {
        ensure!(status.lines().any(|l| l == line), "not {line}: {status}");
    }
    let inside = format!("nsenter --target={pid} --mount");
    let (written, ..) = life.machine.run(&format!("{inside} touch /etc/x /usr/x"))?;
    ensure!(!written, "it can write outside its folders");
    life.machine.shell(&format!(
        "{inside} touch /var/log/panward/x && rm /var/log/panward/x"
    ))?;
    let report = life
        .machine
        .shell("systemd-analyze security --no-pager panward")?;
    let line = report
        .lines()
        .find(|line| line.contains("exposure level"))
        .context("no exposure level")?;
    let score: f64 = line
        .split_whitespace()
        .find_map(|word| word.parse().ok())
        .context("no score")?;
    println!("systemd-analyze security: {score}");
    ensure!(score <= EXPOSURE_MAX, "{line}");
    Ok(())
}

/// A good change takes effect, a bad one is refused and changes nothing.
fn reload(life: &Life<'_>) -> anyhow::Result<()> {
    let pid = life.main_pid()?;
    life.write("/etc/panward/policy.d/forbid.cedar", FORBID)?;
    life.machine.shell("systemctl reload panward")?;
    let deadline = Instant::now() + Duration::from_secs(10);
    while life.call(Client::Rust)?.1 {
        ensure!(Instant::now() < deadline, "the reload had no effect");
    }
    life.write("/etc/panward/policy.d/forbid.cedar", "forbid(nonsense")?;
    let (reloaded, ..) = life.machine.run("systemctl reload panward")?;
    ensure!(!reloaded, "a policy that does not parse was taken");
    let (text, deleted) = life.call(Client::Rust)?;
    ensure!(
        text.contains(MASKED) && !deleted,
        "after a bad reload: {text}"
    );
    ensure!(life.main_pid()? == pid, "a reload restarted it");
    life.write("/etc/panward/policy.d/forbid.cedar", FORBID)
}

fn restart_and_reinstall(life: &Life<'_>) -> anyhow::Result<()> {
    let first = life.main_pid()?;
    life.machine.shell("systemctl restart panward")?;
    life.is_masked("after a restart")?;
    let second = life.main_pid()?;
    // dpkg's upgrade, to the same version; edited files stay.
    life.machine.shell(&format!(
        "apt-get install -y --reinstall {}",
        Machine::PACKAGE
    ))?;
    life.is_masked("after an upgrade")?;
    let third = life.main_pid()?;
    ensure!(
        first != second && second != third,
        "{first} {second} {third}"
    );
    Ok(())
}

/// `kill -9`: nobody comes through until systemd has it up again.
fn crash(life: &Life<'_>) -> anyhow::Result<()> {
    let pid = life.main_pid()?;
    // Time to look, on a loaded machine. A process that was killed still takes a moment to
    // let go of its listeners.
    let folder = "/run/systemd/system/panward.service.d";
    life.machine.shell(&format!(
        "mkdir -p {folder} && printf '[Service]\\nRestartSec=5s\\n' > {folder}/late.conf
         systemctl daemon-reload && systemctl kill --signal=KILL panward
         while kill -0 {pid} 2>/dev/null; do sleep 0.05; done
         rm -r {folder}"
    ))?;
    for _ in 0..5 {
        life.is_closed("after kill -9")?;
        std::thread::sleep(Duration::from_millis(100));
    }
    let (active, state, _) = life.machine.run("systemctl is-active panward")?;
    ensure!(!active, "it came back before anybody looked: {state}");
    let deadline = Instant::now() + Duration::from_secs(20);
    while !life.machine.run("systemctl is-active panward")?.0 {
        ensure!(Instant::now() < deadline, "systemd did not start it again");
        std::thread::sleep(Duration::from_millis(100));
    }
    life.machine.shell("systemctl daemon-reload")?;
    life.is_masked("after kill -9 and the restart")
}

fn stop(life: &Life<'_>) -> anyhow::Result<()> {
    life.machine.shell("systemctl stop panward")?;
    life.is_closed("after a stop")?;
    let verified = life
        .machine
        .shell("panward verify /var/log/panward/panward")?;
    println!("verify: {}", verified.lines().last().unwrap_or_default());
    Ok(())
}

/// Another gateway of the same host, with pins of its own, that has ended.
fn second_pin_folder(life: &Life<'_>) -> anyhow::Result<()> {
    let extra = "pin_dir = \"/sys/fs/bpf/blue\"\nlisten_port = 15002\n";
    life.write("/etc/panward/blue.toml", &config(BLUE, "blue", extra))?;
    life.machine.shell(
        "mkdir -p /var/log/panward/blue
         systemd-run --quiet --unit=blue --property=Type=notify --property=RuntimeDirectory=blue \
         /usr/bin/panward run --config /etc/panward/blue.toml
         systemctl stop blue
         test -n \"$(ls /sys/fs/bpf/blue/v*)\"",
    )?;
    Ok(())
}

/// Open, and as if it had never been there.
fn purge(life: &Life<'_>, before: &BTreeSet<String>) -> anyhow::Result<()> {
    life.is_closed("before the purge")?;
    let said = life.machine.shell("apt-get purge -y panward 2>&1")?;
    life.is_direct("after the purge")?;
    let after = life.traces()?;
    let left: Vec<&String> = after.difference(before).collect();
    ensure!(left.is_empty(), "left behind: {left:#?}; {said}");
    let gone: Vec<&String> = before.difference(&after).collect();
    ensure!(gone.is_empty(), "took with it: {gone:#?}; {said}");
    Ok(())
}
