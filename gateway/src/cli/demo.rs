//! `panward demo`: one client call before and after panward, on this machine.
//!
//! Starts the small MCP server and client of the `demo` package as separate
//! processes, shows what the client receives, starts the gateway, and shows the
//! same call again. As root everything runs in a network namespace and a cgroup
//! of its own, so that the kernel programs touch nothing else; as an ordinary
//! user the client is pointed at an explicit listener instead, and that is said.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::Args;

use crate::sys::sandbox;

/// A published test card number; the demo server hands it out.
const CARD: &str = "4111111111111111";

/// Ports within the demo's own network namespace, or on loopback.
const SERVER: &str = "127.0.0.1:18080";
const LISTEN: &str = "127.0.0.1:18081";

/// Options of `panward demo`.
#[derive(Debug, Args)]
pub struct Demo {
    /// Folder with `demo-server` and `demo-client`.
    #[arg(long, value_name = "DIR")]
    programs: Option<PathBuf>,
    /// Use an explicit listener even where eBPF could be used.
    #[arg(long)]
    no_ebpf: bool,
    /// Internal: already inside the demo's own namespace and cgroup.
    #[arg(long, hide = true, value_name = "CGROUP")]
    inside: Option<PathBuf>,
}

/// Runs the demo; exit code 1 when a step did not show what it must.
pub(super) fn run(demo: &Demo) -> anyhow::Result<ExitCode> {
    let programs = programs(demo)?;
    if let Some(cgroup) = &demo.inside {
        sandbox::enter_cgroup(cgroup).context("entering the demo's cgroup")?;
        sandbox::own_network().context("making the demo's network namespace")?;
        return show(&programs, Some(cgroup));
    }
    match (demo.no_ebpf, sandbox::cgroup_mount()) {
        (false, Some(mount)) if sandbox::is_root() => redirected(&programs, &mount),
        _ => {
            println!(
                "Without root there is no eBPF redirect: the client is pointed at an explicit\n\
                 listener instead. Run as root to see the client unchanged.\n"
            );
            show(&programs, None)
        }
    }
}

/// Runs the steps in a child with its own cgroup and network namespace.
fn redirected(programs: &Path, mount: &Path) -> anyhow::Result<ExitCode> {
    let cgroup = sandbox::Cgroup::new(mount, "panward-demo").context("making a cgroup")?;
    let status = Command::new(std::env::current_exe()?)
        .args(["demo", "--programs"])
        .arg(programs)
        .arg("--inside")
        .arg(cgroup.path())
        .status()?;
    drop(cgroup);
    Ok(ExitCode::from(
        u8::try_from(status.code().unwrap_or(1)).unwrap_or(1),
    ))
}

fn programs(demo: &Demo) -> anyhow::Result<PathBuf> {
    let here = std::env::current_exe()?;
    let beside = here.parent().map(Path::to_path_buf).unwrap_or_default();
    let places = [
        demo.programs.clone(),
        Some(beside),
        Some("/usr/lib/panward".into()),
    ];
    for place in places.into_iter().flatten() {
        if place.join("demo-server").is_file() && place.join("demo-client").is_file() {
            return Ok(place);
        }
    }
    bail!("demo-server and demo-client not found: give their folder with --programs DIR")
}

/// The steps, with the redirect (`cgroup`) or an explicit listener.
fn show(programs: &Path, cgroup: Option<&Path>) -> anyhow::Result<ExitCode> {
    let dir = sandbox::temp_dir("panward-demo")?;
    let stage = Stage {
        programs,
        dir: dir.path(),
        cgroup,
    };
    let mut server = stage.server()?;
    let url = format!("http://{SERVER}/mcp");

    let before = stage.client(&url, "lookup_customer")?;
    let mut gateway = stage.gateway()?;
    let url = if cgroup.is_some() {
        url
    } else {
        format!("http://{LISTEN}/mcp")
    };
    let after = stage.client(&url, "lookup_customer")?;
    let refused = stage.client(&url, "delete_customer")?;

    println!("-- audit tail: who did what");
    print!("{}", stage.panward(&["tail", "--last", "12"])?.text);
    gateway.stop();
    server.stop();

    let whole = stage.panward(&["verify"])?;
    stage.flip_a_byte()?;
    let flipped = stage.panward(&["verify"])?;
    println!("-- verify, offline, with the public key only");
    print!("{}", whole.text);
    println!("-- verify after one byte was flipped");
    print!("{}", flipped.text);

    let checks = [
        ("the card reached the client before", before.contains(CARD)),
        (
            "the card is masked after",
            !after.contains(CARD) && after.contains("411111******1111"),
        ),
        (
            "the forbidden tool is refused",
            refused.contains("Denied by policy"),
        ),
        ("verify passes", whole.ok),
        ("verify fails after one flipped byte", !flipped.ok),
    ];
    println!("\n{}", "=".repeat(78));
    println!("  same client, same server, same call: lookup_customer");
    println!("  BEFORE  {}", line_with(&before, "4111"));
    println!("  AFTER   {}", line_with(&after, "411111"));
    println!("  delete_customer -> {}", line_with(&refused, "Denied"));
    println!("{}", "=".repeat(78));
    let mut good = true;
    for (what, ok) in checks {
        good &= ok;
        println!("  {} {what}", if ok { "ok  " } else { "FAIL" });
    }
    if cgroup.is_some() {
        println!("  neither client nor server was changed or configured: eBPF did the redirect");
    }
    println!("\nNext, on your own host: sudo panward watch");
    Ok(if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

struct Stage<'a> {
    programs: &'a Path,
    dir: &'a Path,
    cgroup: Option<&'a Path>,
}

/// What a finished program printed, and whether it succeeded.
struct Printed {
    text: String,
    ok: bool,
}

impl Stage<'_> {
    fn server(&self) -> anyhow::Result<Running> {
        let child = Command::new(self.programs.join("demo-server"))
            .args(["--listen", SERVER])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("starting demo-server")?;
        let running = Running(child);
        wait_for_port(SERVER)?;
        Ok(running)
    }

    fn client(&self, url: &str, tool: &str) -> anyhow::Result<String> {
        println!("-- client calls {tool} at {url}");
        let output = Command::new(self.programs.join("demo-client"))
            .args(["--url", url, "call", tool, r#"{"customer_id":"1001"}"#])
            .stderr(Stdio::inherit())
            .output()
            .context("running demo-client")?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        println!("   received: {}", line_with(&text, "content"));
        Ok(text)
    }

    fn gateway(&self) -> anyhow::Result<Running> {
        fs::create_dir(self.dir.join("policy.d"))?;
        fs::write(self.dir.join("policy.d/demo.cedar"), POLICY)?;
        fs::write(self.dir.join("panward.toml"), self.config())?;
        println!(
            "-- starting panward ({})",
            match self.cgroup {
                Some(_) => "eBPF redirect, nothing reconfigured",
                None => "explicit listener",
            }
        );
        let socket = self.dir.join("admin.sock");
        let log = fs::File::create(self.dir.join("gateway.log"))?;
        let child = Command::new(std::env::current_exe()?)
            .arg("run")
            .arg("--config")
            .arg(self.dir.join("panward.toml"))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .context("starting panward run")?;
        let mut running = Running(child);
        let until = Instant::now() + Duration::from_secs(10);
        while !is_ready(&socket) {
            if running.0.try_wait()?.is_some() || Instant::now() > until {
                let said = fs::read_to_string(self.dir.join("gateway.log")).unwrap_or_default();
                bail!("panward run did not become ready: {}", said.trim());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(running)
    }

    fn config(&self) -> String {
        let dir = self.dir.display();
        let place = match self.cgroup {
            Some(cgroup) => format!(
                "inbound = [\"{SERVER}\"]\n\n[redirect]\ncgroup = \"{}\"\nfail = \"open\"\n",
                cgroup.display()
            ),
            None => format!("listen = \"{LISTEN}\"\nupstream = \"{SERVER}\"\n"),
        };
        format!(
            "mode = \"enforce\"\n\n[audit]\ndir = \"{dir}/audit\"\nsegment_bytes = 1048576\n\n\
             [policy]\ndir = \"{dir}/policy.d\"\n\n[admin]\nsocket = \"{dir}/admin.sock\"\n\n\
             [[server]]\nname = \"crm\"\nevidence = [\"process\"]\n{place}"
        )
    }

    fn panward(&self, command: &[&str]) -> anyhow::Result<Printed> {
        let output = Command::new(std::env::current_exe()?)
            .arg(command[0])
            .arg(self.dir.join("audit"))
            .args(&command[1..])
            .output()
            .with_context(|| format!("running panward {}", command[0]))?;
        let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.push_str(&String::from_utf8_lossy(&output.stderr));
        Ok(Printed {
            text,
            ok: output.status.success(),
        })
    }

    /// Flips the lowest bit of one byte in the middle of what was recorded.
    fn flip_a_byte(&self) -> anyhow::Result<()> {
        let audit = self.dir.join("audit");
        let segment = fs::read_dir(&audit)?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .find(|path| path.extension().is_some_and(|e| e == "pwseg"))
            .context("no segment in the demo's audit folder")?;
        let mut bytes = fs::read(&segment)?;
        let used = bytes.iter().rposition(|b| *b != 0).unwrap_or(0);
        let Some(byte) = bytes.get_mut(used / 2) else {
            bail!("the demo's segment is empty")
        };
        *byte ^= 1;
        fs::write(&segment, bytes)?;
        Ok(())
    }
}

const POLICY: &str = r#"// Everyone may connect and list; tools may be called, but for deleting.
@id("session") permit(principal, action in Mcp::Action::"session", resource);
@id("list")    permit(principal, action in Mcp::Action::"list", resource);
@id("tools")   permit(principal, action == Mcp::Action::"tools/call", resource);
@id("no-deletes")
forbid(principal, action == Mcp::Action::"tools/call", resource == Mcp::Tool::"crm/delete_customer");
"#;

/// A child that does not outlive the demo.
struct Running(Child);

impl Running {
    /// Asks it to end, and ends it when it does not.
    fn stop(&mut self) {
        sandbox::terminate(self.0.id());
        let until = Instant::now() + Duration::from_secs(5);
        while Instant::now() < until {
            if let Ok(Some(_)) = self.0.try_wait() {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn is_ready(socket: &Path) -> bool {
    let answer = crate::admin::client::get(socket, "/readyz", Duration::from_secs(1));
    matches!(answer, Ok((200, _)))
}

fn wait_for_port(address: &str) -> anyhow::Result<()> {
    let until = Instant::now() + Duration::from_secs(10);
    while Instant::now() < until {
        if std::net::TcpStream::connect(address).is_ok() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    bail!("{address} does not answer: is another program using the port?")
}

/// The line with `needle`, cut to the width of the screen.
fn line_with(text: &str, needle: &str) -> String {
    let _ = std::io::stdout().flush();
    let line = text
        .lines()
        .find(|l| l.contains(needle))
        .unwrap_or("(nothing)");
    let start = line.find(needle).map_or(0, |at| at.saturating_sub(30));
    line.chars().skip(start).take(160).collect()
}
