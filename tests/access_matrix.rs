//! Who gets past the guard: every operation × every kind of credential × both wires, compared with the reviewed table
//! in `access_matrix.txt`.
//!
//! Each cell is the answer to an empty request: `admitted` if it came past the guard (to the validator, mostly), or the
//! name of the guard's refusal. Read a change of the table as a change of who may do what.

mod support;

use std::ops::Bound;
use std::path::Path;

use cognate::api::Op;

use support::certificates::{CLIENT, uri};
use support::{AccessKey, Credential, Wire, World, policy, refusal_of};

const ADMITTED: &str = "admitted";

/// The columns that open every operator's operation.
const FULL: [&str; 2] = ["full", "certificate: full"];

/// The column that opens those that change nothing.
const READ_ONLY: &str = "read-only";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_credential_opens_what_the_reviewed_table_says_and_nothing_else() {
    let (world, credentials) = world_with_credentials().await;
    let mut rows = vec![header(&credentials)];
    for op in Op::ALL {
        for wire in [Wire::Grpc, Wire::Json] {
            let mut cells = vec![op.name().to_owned(), format!("{:?}", op.access()), format!("{wire:?}")];
            for (name, credential) in &credentials {
                let before = everything_stored(&world).await;
                let outcome = outcome(&world, wire, *op, credential).await;
                let is_operators = op.access().needs_operator();
                let may_be_admitted = FULL.contains(name) || (*name == READ_ONLY && op.is_read_only());
                assert!(!is_operators || outcome != ADMITTED || may_be_admitted, "{} admits {name}", op.name());
                assert!(everything_stored(&world).await == before, "{} changed the store for {name}", op.name());
                cells.push(outcome);
            }
            rows.push(cells);
        }
    }
    compare_with_file(&table(&rows));
}

/// A world with a user, and principals with every kind of policy; and every kind of credential.
async fn world_with_credentials() -> (World, Vec<(&'static str, Credential)>) {
    let world = World::with_tls(Wire::Grpc, |_, _| {}).await;
    let client = world.app_client().await;
    world.confirmed_user(&client, "alice").await;
    let token = world.sign_in(&client, "alice").await.access_token.unwrap();

    let other_pool = "arn:aws:cognito-idp:us-east-1:000000000000:userpool/us-east-1_Elsewhere";
    let nothing = world.principal("nothing", &policy("Deny", "sts:*", "*"));
    // Not `*Get*`: it is in `AdminForgetDevice` too.
    let read = r#"["cognito-idp:Get*", "cognito-idp:AdminGet*", "cognito-idp:List*", "cognito-idp:Describe*"]"#;
    let read_only = world.principal(
        "read-only",
        &format!(
            r#"{{"Version": "2012-10-17", "Statement": {{"Effect": "Allow", "Action": {read}, "Resource": "*"}}}}"#
        ),
    );
    let elsewhere = world.principal("elsewhere", &policy("Allow", "*", other_pool));
    let denied = r#"{"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Effect": "Deny", "Action": "cognito-idp:*", "Resource": "*"}]}"#;
    let denied = world.principal("denied", denied);
    world.certify("arn:aws:iam::000000000000:user/nothing", "spiffe://example.org/nothing");
    // After a restart no task has anything left to do while the store is watched.
    let world = world.restarted().await;
    world.get_user(&token).await.unwrap();

    let operator = world.operator.clone();
    let unknown = AccessKey { id: "AKIAAAAAAAAAAAAAAAAA".to_owned(), secret: operator.secret.clone() };
    let wrong = AccessKey { id: operator.id.clone(), secret: nothing.secret.clone() };
    let authority = world.authority.clone().unwrap();
    let certificate =
        |name: &str| Credential::Certificate(authority.client(|params| params.subject_alt_names = vec![uri(name)]));
    let credentials = vec![
        ("nothing", Credential::None),
        ("user's token", Credential::Bearer(token)),
        ("unknown key", Credential::AccessKey(unknown)),
        ("wrong secret", Credential::AccessKey(wrong)),
        ("unknown certificate", certificate("spiffe://example.org/unknown")),
        ("certificate: no policy", certificate("spiffe://example.org/nothing")),
        ("no policy", Credential::AccessKey(nothing)),
        (READ_ONLY, Credential::AccessKey(read_only)),
        ("other pool's", Credential::AccessKey(elsewhere)),
        ("deny over allow", Credential::AccessKey(denied)),
        (FULL[0], Credential::AccessKey(operator)),
        (FULL[1], certificate(CLIENT)),
    ];
    (world, credentials)
}

/// What an empty request meets.
async fn outcome(world: &World, wire: Wire, op: Op, credential: &Credential) -> String {
    let refused = match wire {
        Wire::Grpc => {
            let reply = world.grpc::<(), ()>(op, credential, ()).await;
            reply.err().map(|status| refusal_of(&status).exception)
        }
        Wire::Json => {
            let reply = world.post(op, credential, b"{}".to_vec()).await;
            (reply.status != 200).then(|| reply.refusal().exception)
        }
    };
    // An empty request lacks what every operation needs, so its violations are what stands behind the guard.
    match refused.as_deref() {
        None | Some("InvalidParameterException") => ADMITTED.to_owned(),
        Some(exception) => exception.trim_end_matches("Exception").to_owned(),
    }
}

async fn everything_stored(world: &World) -> Vec<(Vec<u8>, cognate::store::Value)> {
    world.app.services.store.scan((Bound::Unbounded, Bound::Unbounded), usize::MAX).await.unwrap()
}

fn header(credentials: &[(&'static str, Credential)]) -> Vec<String> {
    let names = credentials.iter().map(|(name, _)| *name);
    ["operation", "access", "wire"].into_iter().chain(names).map(str::to_owned).collect()
}

fn table(rows: &[Vec<String>]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or_default();
    let line = |row: &Vec<String>| {
        let cells = row.iter().enumerate().map(|(column, cell)| format!("{cell:<width$}", width = width(column)));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

fn compare_with_file(table: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/access_matrix.txt");
    let reviewed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(table == reviewed, "the table differs from {}; if that is meant, it becomes:\n\n{table}", path.display());
}
