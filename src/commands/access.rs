//! `cognate access`.

use clap::{Args, Subcommand};

use super::Common;
use crate::access::access_keys::{AccessKey, KeyFile};
use crate::access::authorization::{context_of, decide};
use crate::access::policy::{Context, Decision};
use crate::access::principals::principals_file;
use crate::access::{Principal, Principals};
use crate::clock::Clock;
use crate::config::{Config, Flags};
use crate::crypto::keys::Purpose;
use crate::crypto::sealing::Sealer;
use crate::live::{Live, Unusable};
use crate::rng::Rng;
use crate::server::{self, CannotServe};

#[derive(Subcommand)]
pub(super) enum Access {
    /// Reads principals and policies as the server would, and says what is wrong with them.
    Validate(Plain),
    /// Says whether a principal may do something, and which statement makes it so.
    ///
    /// Ends with status 0 if it is allowed, 1 if it is denied.
    Check(Check),
    /// Makes an access key for a principal, who has two at most. The secret is shown this once.
    CreateKey(OfPrincipal),
    /// Lists access keys, without their secrets.
    ListKeys(Plain),
    /// Makes the successor of an access key. The old one works until it is disabled.
    RotateKey(OfKey),
    /// Makes an access key prove nothing.
    DisableKey(OfKey),
    /// Makes a disabled access key work again.
    EnableKey(OfKey),
    /// Removes an access key for good.
    DeleteKey(OfKey),
}

#[derive(Args)]
pub(super) struct Plain {
    #[command(flatten)]
    common: Common,
}

#[derive(Args)]
pub(super) struct OfPrincipal {
    #[command(flatten)]
    common: Common,
    /// The principal, such as arn:aws:iam::000000000000:user/operator
    #[arg(long, value_name = "ARN")]
    principal: String,
}

#[derive(Args)]
pub(super) struct OfKey {
    #[command(flatten)]
    common: Common,
    /// The id of the access key, such as AKIAIOSFODNN7EXAMPLE
    #[arg(value_name = "KEY")]
    id: String,
}

#[derive(Args)]
pub(super) struct Check {
    #[command(flatten)]
    common: Common,
    /// The principal, such as arn:aws:iam::000000000000:user/operator
    #[arg(long, value_name = "ARN")]
    principal: String,
    /// The action, such as cognito-idp:AdminConfirmSignUp
    #[arg(long)]
    action: String,
    /// The pool's ARN, or * for what belongs to no pool
    #[arg(long)]
    resource: String,
    /// A condition key and its value, such as aws:SourceIp=192.0.2.1; again for more, or for more values
    #[arg(long, value_name = "KEY=VALUE")]
    context: Vec<String>,
}

pub(super) fn access(command: &Access) -> Result<(), CannotServe> {
    match command {
        Access::Validate(arguments) => validate(&arguments.common.config(Flags::default())?),
        Access::Check(arguments) => check(arguments),
        Access::CreateKey(arguments) => edit(&arguments.common, |file, tools| {
            file.create(&arguments.principal, &tools.sealer, &tools.rng, tools.clock.now()).map(Some)
        }),
        Access::ListKeys(arguments) => list(&arguments.common.config(Flags::default())?),
        Access::RotateKey(arguments) => edit(&arguments.common, |file, tools| {
            file.rotate(&arguments.id, &tools.sealer, &tools.rng, tools.clock.now()).map(Some)
        }),
        Access::DisableKey(arguments) => {
            edit(&arguments.common, |file, _| file.set_active(&arguments.id, false).map(|()| None))
        }
        Access::EnableKey(arguments) => {
            edit(&arguments.common, |file, _| file.set_active(&arguments.id, true).map(|()| None))
        }
        Access::DeleteKey(arguments) => edit(&arguments.common, |file, _| file.delete(&arguments.id).map(|()| None)),
    }
}

/// What making a key takes.
struct Tools {
    sealer: Sealer,
    rng: Rng,
    clock: Clock,
}

fn edit(
    common: &Common,
    change: impl FnOnce(&mut KeyFile, &Tools) -> Result<Option<AccessKey>, Unusable>,
) -> Result<(), CannotServe> {
    let config = common.config(Flags::default())?;
    let tools = Tools { sealer: sealer(&config)?, rng: Rng::system(), clock: Clock::System };
    let mut file = KeyFile::open(&config.access_directory()).map_err(cannot)?;
    let made = change(&mut file, &tools).map_err(cannot)?;
    file.save().map_err(cannot)?;
    if let Some(key) = made {
        println!("access key id      {}\nsecret access key  {}", key.id, key.secret.expose());
    }
    Ok(())
}

fn list(config: &Config) -> Result<(), CannotServe> {
    let file = principals_file(&config.access_directory());
    if !file.exists() {
        return Err(CannotServe(format!("{}: there is no such file", file.display())));
    }
    for key in KeyFile::open(&config.access_directory()).map_err(cannot)?.list() {
        let state = if key.active { "active" } else { "disabled" };
        println!("{}  {state:<8}  {}  {}", key.id, key.created, key.principal);
    }
    Ok(())
}

fn validate(config: &Config) -> Result<(), CannotServe> {
    let (principals, policies) = read(config)?.current().counts();
    println!("{principals} principals, {policies} policies: all can be used");
    Ok(())
}

fn check(arguments: &Check) -> Result<(), CannotServe> {
    let config = arguments.common.config(Flags::default())?;
    let principals = read(&config)?.current();
    let principal = principals.named(&arguments.principal);
    let principal = principal.ok_or_else(|| CannotServe(format!("there is no principal {}", arguments.principal)))?;
    let context = context(arguments, principal, &config)?;
    match decide(principal, &arguments.action, &arguments.resource, &context) {
        Decision::Allowed(reason) => {
            println!("allowed by {reason}");
            Ok(())
        }
        Decision::Denied(Some(reason)) => Err(CannotServe(format!("denied by {reason}"))),
        Decision::Denied(None) => Err(CannotServe("denied: no statement allows it".into())),
    }
}

/// What holds for the principal now, and what the command line says of the request.
fn context(arguments: &Check, principal: &Principal, config: &Config) -> Result<Context, CannotServe> {
    let mut context = context_of(principal, Clock::System.now(), &config.region);
    let mut given: Vec<(&str, Vec<String>)> = Vec::new();
    for pair in &arguments.context {
        let (key, value) =
            pair.split_once('=').ok_or_else(|| CannotServe(format!("--context {pair}: is not KEY=VALUE")))?;
        if !Context::is_known_key(key) {
            let nearest = Context::nearest_key(key);
            return Err(CannotServe(format!("--context {key}: is no condition key; is it {nearest}?")));
        }
        match given.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(key)) {
            Some((_, values)) => values.push(value.to_owned()),
            None => given.push((key, vec![value.to_owned()])),
        }
    }
    for (key, values) in given {
        context.set_all(key, values);
    }
    Ok(context)
}

fn read(config: &Config) -> Result<Live<Principals>, CannotServe> {
    let (directory, sealer) = (config.access_directory(), sealer(config)?);
    let read = move |sources: &mut _| Principals::read(&directory, &sealer, sources);
    Live::read("principals and policies", read).map_err(cannot)
}

fn sealer(config: &Config) -> Result<Sealer, CannotServe> {
    Ok(Sealer::new(&server::key_encryption_key(config)?.derive(Purpose::Sealing)))
}

fn cannot(cause: Unusable) -> CannotServe {
    CannotServe(cause.to_string())
}
