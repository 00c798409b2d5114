//! IAM policies: who may call which operation on which pool, under which conditions (reference 2.4).
//!
//! A statement applies if its actions, its resources and all its conditions match. If any statement that applies denies,
//! the request is denied; else if any allows, it is allowed; else it is denied.

mod condition;
mod context;
mod document;
mod pattern;

use std::fmt;

use serde::Deserialize;

pub use context::Context;
pub use document::Invalid;

use condition::Condition;
use pattern::Pattern;

/// A policy document.
#[derive(Clone, Debug)]
pub struct Policy {
    statements: Vec<Statement>,
    asks_for_context: bool,
    asks_for_resource_tags: bool,
}

#[derive(Clone, Debug)]
struct Statement {
    sid: Option<String>,
    effect: Effect,
    actions: Vec<Pattern>,
    /// The actions are those to which it does not apply.
    not_actions: bool,
    resources: Vec<Pattern>,
    /// The resources are those to which it does not apply.
    not_resources: bool,
    conditions: Vec<Condition>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
enum Effect {
    Allow,
    Deny,
}

/// What is to be decided.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Such as `cognito-idp:AdminGetUser`.
    pub action: &'a str,
    /// The pool's ARN, or `*`.
    pub resource: &'a str,
    pub context: &'a Context,
}

/// What policies say of a request, and which statement made it so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision<'a> {
    Allowed(Reason<'a>),
    /// With the statement that denies; without one, if none allows.
    Denied(Option<Reason<'a>>),
}

/// The statement that decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason<'a> {
    pub policy: &'a str,
    /// Its place in the document, from 1.
    pub statement: usize,
    pub sid: Option<&'a str>,
}

impl fmt::Display for Reason<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Reason { policy, statement, sid } = self;
        match sid {
            Some(sid) => write!(out, "statement {statement} ({sid:?}) of policy {policy}"),
            None => write!(out, "statement {statement} of policy {policy}"),
        }
    }
}

/// Decides by all these policies together, each with its name.
pub fn decide<'a>(policies: impl IntoIterator<Item = (&'a str, &'a Policy)>, request: &Request<'_>) -> Decision<'a> {
    let mut allowed = None;
    for (name, policy) in policies {
        for (index, statement) in policy.statements.iter().enumerate() {
            if !statement.applies(request) {
                continue;
            }
            let reason = Reason { policy: name, statement: index + 1, sid: statement.sid.as_deref() };
            match statement.effect {
                Effect::Deny => return Decision::Denied(Some(reason)),
                Effect::Allow => allowed = allowed.or(Some(reason)),
            }
        }
    }
    allowed.map_or(Decision::Denied(None), Decision::Allowed)
}

impl Policy {
    fn new(statements: Vec<Statement>) -> Self {
        let asks_for_context = statements.iter().any(|statement| statement.keys().next().is_some());
        let asks_for_resource_tags = statements.iter().flat_map(Statement::keys).any(Context::is_resource_tag);
        Policy { statements, asks_for_context, asks_for_resource_tags }
    }

    /// Whether its word depends on anything but who asks for what: without conditions and variables no context is needed.
    pub fn asks_for_context(&self) -> bool {
        self.asks_for_context
    }

    /// Whether it asks for the tags of what a request is about, which must then be looked up.
    pub fn asks_for_resource_tags(&self) -> bool {
        self.asks_for_resource_tags
    }
}

impl Statement {
    /// The condition keys that it asks for.
    fn keys(&self) -> impl Iterator<Item = &str> {
        let in_patterns = self.actions.iter().chain(&self.resources).flat_map(Pattern::keys);
        in_patterns.chain(self.conditions.iter().flat_map(Condition::keys))
    }

    fn applies(&self, request: &Request<'_>) -> bool {
        let Request { action, resource, context } = request;
        let resolved = |pattern: &Pattern| pattern.resolve(context);
        let is_action = self.actions.iter().filter_map(resolved).any(|glob| glob.matches_ignoring_case(action));
        let is_resource = self.resources.iter().filter_map(resolved).any(|glob| glob.matches(resource));
        is_action != self.not_actions
            && is_resource != self.not_resources
            && self.conditions.iter().all(|condition| condition.holds(context))
    }
}
