//! IAM policies: every operator and key has its case, what is not understood is refused with its place, and a second
//! evaluator, as simple as can be, agrees on random policies and requests.

mod cases;
mod generated;
mod oracle;
mod refusals;

use cognate::access::policy::{Context, Decision, Policy, Request, decide};
use serde_json::{Value, json};

const ACTION: &str = "cognito-idp:AdminGetUser";
const POOL: &str = "arn:aws:cognito-idp:us-east-1:000000000000:userpool/us-east-1_AbCdEf123";

fn context(pairs: &[(&str, &str)]) -> Context {
    let mut context = Context::default();
    for (key, value) in pairs {
        context.set(key, *value);
    }
    context
}

/// What is decided, without why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Allowed,
    ExplicitlyDenied,
    DeniedByDefault,
}

fn outcome(decision: &Decision<'_>) -> Outcome {
    match decision {
        Decision::Allowed(_) => Outcome::Allowed,
        Decision::Denied(Some(_)) => Outcome::ExplicitlyDenied,
        Decision::Denied(None) => Outcome::DeniedByDefault,
    }
}

/// What one document decides of a request.
#[track_caller]
fn decided(document: &Value, action: &str, resource: &str, context: &Context) -> Outcome {
    let policy = Policy::parse(&document.to_string()).unwrap_or_else(|invalid| panic!("{invalid}: {document}"));
    outcome(&decide([("policy", &policy)], &Request { action, resource, context }))
}

fn document(statements: Value) -> Value {
    json!({"Version": "2012-10-17", "Statement": statements})
}

/// Whether a condition holds, of a request in this context.
#[track_caller]
fn holds(condition: &Value, context: &Context) -> bool {
    let statement = json!({"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition});
    decided(&document(statement), ACTION, POOL, context) == Outcome::Allowed
}
