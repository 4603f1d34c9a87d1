//! `kairos-origin account`: how authors and admins come to be.

use std::io::Read;

use anyhow::Context;
use clap::Args;
use kairos_protocol::api::account::Role;

use super::adapters::Adapters;
use super::output::say;
use crate::auth::passwords::Passwords;
use crate::domain::accounts::Accounts;
use crate::domain::error::DomainError;
use crate::environment::Environment;
use crate::writes::Writes;

#[derive(Debug, Args)]
#[command(after_help = "Example:
  echo 'a long password' | kairos-origin account --email ada@school.example --name Ada --role author --password-stdin")]
/// Options of `account`.
pub struct PutAccount {
    /// Whose account; the one with this email is changed if there is one.
    #[arg(long)]
    email: String,
    /// What to call them.
    #[arg(long)]
    name: String,
    /// What they may do.
    #[arg(long, default_value = "learner", value_parser = parse_role)]
    role: Role,
    /// Read the password from standard input; its line end does not count.
    #[arg(long, required = true)]
    password_stdin: bool,
    #[command(flatten)]
    adapters: Adapters,
}

fn parse_role(text: &str) -> Result<Role, String> {
    Role::parse(text).ok_or_else(|| "must be learner, author or admin".to_owned())
}

impl PutAccount {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let mut password = String::new();
        std::io::stdin().read_to_string(&mut password).context("reading the password")?;
        let password = password.trim_end_matches(['\r', '\n']).to_owned();
        let environment = Environment::system();
        let (store, cache) = self.adapters.open(&environment).await?;
        let passwords = Passwords::new(environment.clone()).map_err(describe)?;
        let accounts = Accounts::new(store, Writes::new(cache), passwords, environment);
        // Whoever teaches may learn too.
        let mut roles = vec![Role::Learner, self.role];
        roles.dedup();
        let account = accounts.put(&self.email, &self.name, password, roles).await.map_err(describe)?;
        say(&format!("{} is {} with the id {}", account.email, self.role.as_str(), account.id));
        Ok(())
    }
}

fn describe(error: DomainError) -> anyhow::Error {
    let fields: Vec<_> = error.problem.errors.iter().map(|e| format!("{} {}", option(&e.field), e.detail)).collect();
    match (error.cause, fields.is_empty()) {
        (Some(cause), _) => anyhow::anyhow!(cause),
        (None, false) => anyhow::anyhow!(fields.join("; ")),
        (None, true) => anyhow::anyhow!("{} {}", error.problem.title, error.problem.detail),
    }
}

/// What the command line calls a field.
fn option(field: &str) -> &str {
    match field {
        "display_name" => "--name",
        "email" => "--email",
        other => other,
    }
}
