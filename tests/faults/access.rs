//! The command line of the guard, as an operator uses it, beside a server that runs.

use std::path::{Path, PathBuf};
use std::process::Command;

use cognate::api;

use crate::support::process::{Process, Service, bare, eventually, serve};
use crate::support::{AccessKey, Credential, raw};

/// An installation whose server runs.
struct Installation {
    directory: tempfile::TempDir,
    service: Service,
}

impl Installation {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("data");
        let settings = [("COGNATE_RELOAD_SECONDS", "3600"), ("COGNATE_LOG", "debug")];
        let service = Service::start(serve(&data).envs(settings), &data);
        Installation { directory, service }
    }

    /// Changes the files, and tells the server to look at them.
    #[track_caller]
    fn changes(&self, arguments: &[&str]) -> String {
        let text = self.does(arguments);
        self.service.process.hang_up();
        text
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// What a command prints, and whether it ended well.
    fn run(&self, arguments: &[&str]) -> (bool, String) {
        said(bare(arguments).arg("--data").arg(self.data()))
    }

    #[track_caller]
    fn does(&self, arguments: &[&str]) -> String {
        let (well, text) = self.run(arguments);
        assert!(well, "{text}");
        text
    }

    async fn lists_pools(&self, key: &AccessKey) -> Result<(), tonic::Code> {
        let request = api::ListUserPoolsRequest { max_results: Some(1), ..Default::default() };
        let credential = Credential::AccessKey(key.clone());
        let reply = raw::grpc::<_, api::ListUserPoolsResponse>(
            &self.service.address,
            api::Op::ListUserPools,
            &credential,
            request,
        );
        reply.await.map(drop).map_err(|status| status.code())
    }
}

fn said(command: &mut Command) -> (bool, String) {
    let mut process = Process::start(command);
    let well = process.end().success();
    (well, process.output().to_owned() + process.errors())
}

fn key_in(text: &str) -> AccessKey {
    let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
    AccessKey { id: value("access key id"), secret: value("secret access key") }
}

const OPERATOR: &str = "arn:aws:iam::000000000000:user/operator";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn access_keys_are_made_rotated_disabled_and_deleted_beside_a_running_server() {
    let installation = Installation::new();
    let first = installation.service.quickstart.operator();
    let second = key_in(&installation.changes(&["access", "rotate-key", &first.id]));
    let is = |key: AccessKey, expected: Result<(), tonic::Code>| {
        let installation = &installation;
        async move {
            while installation.lists_pools(&key).await != expected {
                tokio::task::yield_now().await;
            }
        }
    };
    is(second.clone(), Ok(())).await;
    is(first.clone(), Ok(())).await;
    let (well, text) = installation.run(&["access", "create-key", "--principal", OPERATOR]);
    assert!(!well && text.contains("has 2 access keys already"), "{text}");

    installation.changes(&["access", "disable-key", &first.id]);
    is(first.clone(), Err(tonic::Code::Unauthenticated)).await;
    let listed = installation.does(&["access", "list-keys"]);
    let states: Vec<(&str, &str)> = listed
        .lines()
        .map(|line| line.split_at(20))
        .map(|(id, rest)| (id, rest.split_whitespace().next().unwrap()))
        .collect();
    assert_eq!(states, [(first.id.as_str(), "disabled"), (second.id.as_str(), "active")]);
    assert!(!listed.contains(&second.secret));
    installation.changes(&["access", "enable-key", &first.id]);
    is(first.clone(), Ok(())).await;
    installation.changes(&["access", "delete-key", &first.id]);
    is(first, Err(tonic::Code::Unauthenticated)).await;
    is(second, Ok(())).await;
}

#[tokio::test]
async fn what_policies_say_is_explained() {
    let mut installation = Installation::new();
    let policies = installation.data().join("access/policies");
    let policy = r#"{"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "cognito-idp:*", "Resource": "*"},
        {"Sid": "NotFromOutside", "Effect": "Deny", "Action": "*", "Resource": "*",
         "Condition": {"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}]}"#;
    std::fs::write(policies.join("administrator.json"), policy).unwrap();
    assert_eq!(installation.does(&["access", "validate"]), "1 principals, 1 policies: all can be used\n");
    // The log of the server says it for what it denies.
    installation.service.process.hang_up();
    installation.service.process.logs("files have changed and are in force");
    let denied = installation.lists_pools(&installation.service.quickstart.operator()).await;
    assert_eq!(denied, Err(tonic::Code::PermissionDenied));
    installation.service.process.logs("(\\\"NotFromOutside\\\") of policy administrator");

    let check = |context: &[&str]| {
        let mut arguments = vec!["access", "check", "--principal", OPERATOR, "--action", "cognito-idp:ListUserPools"];
        arguments.extend(["--resource", "*"]);
        context.iter().for_each(|pair| arguments.extend(["--context", pair]));
        installation.run(&arguments)
    };
    let allowed = (true, "allowed by statement 1 of policy administrator\n".to_owned());
    assert_eq!(check(&["aws:SourceIp=10.1.2.3"]), allowed);
    let denied = (false, "cognate: denied by statement 2 (\"NotFromOutside\") of policy administrator\n".to_owned());
    assert_eq!(check(&["aws:SourceIp=192.0.2.1"]), denied);
    assert_eq!(check(&[]), denied);
    let (well, text) = check(&["aws:SourceIP4=10.1.2.3"]);
    assert!(!well && text.contains("is it aws:SourceIp?"), "{text}");

    std::fs::write(policies.join("other.json"), "{\n  \"Version\": \"2012-10-17\",\n  \"Statment\": []\n}").unwrap();
    let (well, text) = installation.run(&["access", "validate"]);
    assert!(!well && text.contains("other.json: line 3, column") && text.contains("Statment"), "{text}");
}

/// The one file of a trail that has been written so far.
fn lines(file: &Path) -> Vec<String> {
    std::fs::read_to_string(file).unwrap().split_inclusive('\n').map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_trail_tells_of_each_manipulation() {
    let mut installation = Installation::new();
    for _ in 0..5 {
        installation.lists_pools(&installation.service.quickstart.operator()).await.unwrap();
    }
    let file = installation.data().join("audit/00000001.jsonl");
    let written = || (file.exists() && lines(&file).len() >= 5).then_some(());
    eventually("five lines", written).await;
    assert!(installation.does(&["audit", "verify"]).starts_with("5 lines in 1 files are whole: 1 to 5, head "));
    installation.service.process.terminate();
    installation.service.process.end();

    let good = lines(&file);
    let changed = |change: &dyn Fn(&mut Vec<String>)| {
        let mut lines = good.clone();
        change(&mut lines);
        std::fs::write(&file, lines.concat()).unwrap();
        let (well, text) = installation.run(&["audit", "verify"]);
        assert!(!well);
        text
    };
    let told = |text: &str| format!("cognate: audit trail: 00000001.jsonl{text}\n");
    let flipped = changed(&|lines| lines[2] = lines[2].replace("ListUserPools", "ListUserpools"));
    assert_eq!(flipped, told(" line 3 (sequence 3): was changed"));
    assert_eq!(changed(&|lines| drop(lines.remove(2))), told(" line 3: sequence 3 is missing; 4 stands in its place"));
    assert_eq!(changed(&|lines| lines.swap(1, 2)), told(" line 2: sequence 3 stands where 2 belongs"));
    assert_eq!(changed(&|lines| lines.truncate(3)), told(": ends after sequence 3; the head says 5"));

    // Nobody goes on writing where something is missing.
    let (well, text) = said(&mut serve(&installation.data()));
    assert!(!well && text.contains("it is shorter than the head says"), "{text}");
    std::fs::write(&file, good.concat()).unwrap();
    assert!(installation.does(&["audit", "verify"]).starts_with("5 lines"));
}
