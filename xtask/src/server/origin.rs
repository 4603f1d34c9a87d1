//! The origin as `dev` and the browser tests run it, and how it gets its first catalogue and people.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use crate::process::{self, Task};
use crate::{server, workspace};

/// A person to sign in as. The passwords are public: these accounts exist on the machine of whoever tries the system, no further.
pub(crate) struct DemoAccount {
    pub(crate) email: &'static str,
    pub(crate) password: &'static str,
    name: &'static str,
    role: &'static str,
}

pub(crate) const LEARNER: DemoAccount =
    DemoAccount { email: "learner@kairos.example", password: "learn-and-cache", name: "Lou Learner", role: "learner" };
pub(crate) const AUTHOR: DemoAccount =
    DemoAccount { email: "author@kairos.example", password: "write-and-publish", name: "Ada Author", role: "author" };

/// The program, and the servers it works with.
#[derive(Clone)]
pub(crate) struct Origin {
    pub(crate) program: PathBuf,
    /// The file of the embedded store; unused with MongoDB.
    pub(crate) data: PathBuf,
    pub(crate) mongodb_url: Option<String>,
    pub(crate) redis_url: Option<String>,
}

/// A running `kairos-origin serve`.
pub(crate) struct OriginServer {
    pub(crate) port: u16,
    pub(crate) task: Task,
}

impl Origin {
    fn command(&self, subcommand: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.arg(subcommand).arg("--data").arg(&self.data).current_dir(workspace::root());
        // What the person has in the environment for tests must not send a demo to another database.
        command.env_remove("MONGODB_URL").env_remove("REDIS_URL");
        if let Some(url) = &self.mongodb_url {
            command.env("MONGODB_URL", url);
        }
        if let Some(url) = &self.redis_url {
            command.env("REDIS_URL", url);
        }
        command
    }

    /// Imports the sample catalogue and creates the demo accounts. The origin need not run.
    ///
    /// # Errors
    /// The store cannot be opened or written.
    pub(crate) fn seed(&self) -> Result<()> {
        let mut import = self.command("import");
        process::run_quietly("the import of the sample catalogue", import.args(["--markdown", "catalog"]), "")?;
        for account in [LEARNER, AUTHOR] {
            let mut create = self.command("account");
            create.args(["--email", account.email, "--name", account.name, "--role", account.role, "--password-stdin"]);
            process::run_quietly("the creation of a demo account", &mut create, account.password)?;
        }
        Ok(())
    }

    /// # Errors
    /// It does not start, or not within 30 s: the error has its last lines.
    pub(crate) fn serve(&self, log: &Path) -> Result<OriginServer> {
        let port = server::free_port()?;
        let mut command = self.command("serve");
        let mut task = Task::start_logged("the origin", command.args(["--listen", &format!("127.0.0.1:{port}")]), log)?;
        task.wait_ready(Duration::from_secs(30), || server::answers(port, "/health/live"))?;
        Ok(OriginServer { port, task })
    }
}

impl OriginServer {
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}
