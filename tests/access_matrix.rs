//! Who gets past the guard: every operation × every kind of credential × both wires, compared with the reviewed table
//! in `access_matrix.txt`.
//!
//! Each cell is the answer to an empty request: `admitted` if it came past the guard (to the validator, mostly), or the
//! name of the guard's refusal. Read a change of the table as a change of who may do what.

mod support;

use std::ops::Bound;
use std::path::Path;

use cognate::access::policy::Policy;
use cognate::access::principals;
use cognate::api::{Access, Op};

use support::{AccessKey, Credential, Wire, World, raw, refusal_of};

const ADMITTED: &str = "admitted";

/// The column of the one credential that opens an operator's operations.
const OPERATOR: &str = "operator";

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
                let is_operators = !matches!(op.access(), Access::Anyone | Access::SignedIn);
                let is_admitted = outcome == ADMITTED;
                assert!(!(is_operators && is_admitted) || *name == OPERATOR, "{} admits {name}", op.name());
                assert!(everything_stored(&world).await == before, "{} changed the store for {name}", op.name());
                cells.push(outcome);
            }
            rows.push(cells);
        }
    }
    compare_with_file(&table(&rows));
}

/// A world with a user, whose principals file also has a principal that may do nothing; and every kind of credential.
async fn world_with_credentials() -> (World, Vec<(&'static str, Credential)>) {
    let world = World::new(Wire::Grpc).await;
    let client = world.app_client().await;
    world.confirmed_user(&client, "alice").await;
    let token = world.sign_in(&client, "alice").await.access_token.unwrap();

    let (services, path) = (&world.app.services, world.config.principals_file());
    let second = path.with_file_name("second.toml");
    let arn = "arn:aws:iam::000000000000:user/powerless";
    let powerless = principals::create(&second, arn, Policy::Nothing, &services.sealer, &services.rng).unwrap();
    let powerless = AccessKey { id: powerless.id, secret: powerless.secret.expose().clone() };
    let both = std::fs::read_to_string(&path).unwrap() + "\n" + &std::fs::read_to_string(&second).unwrap();
    std::fs::write(&path, both).unwrap();
    // The file is read at the start; and after a restart no task has anything left to do while the store is watched.
    let world = world.restarted().await;
    world.get_user(&token).await.unwrap();

    let operator = world.operator.clone();
    let unknown = AccessKey { id: "AKIAAAAAAAAAAAAAAAAA".to_owned(), secret: operator.secret.clone() };
    let wrong = AccessKey { id: operator.id.clone(), secret: powerless.secret.clone() };
    let credentials = vec![
        ("nothing", Credential::None),
        ("user's token", Credential::Bearer(token)),
        ("unknown key", Credential::AccessKey(unknown)),
        ("wrong secret", Credential::AccessKey(wrong)),
        ("policy: nothing", Credential::AccessKey(powerless)),
        (OPERATOR, Credential::AccessKey(operator)),
    ];
    (world, credentials)
}

/// What an empty request meets.
async fn outcome(world: &World, wire: Wire, op: Op, credential: &Credential) -> String {
    let refused = match wire {
        Wire::Grpc => {
            let reply = raw::grpc::<(), ()>(&world.address, op, credential, ()).await;
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
