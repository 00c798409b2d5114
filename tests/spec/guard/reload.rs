//! Files that change while the service runs: the new ones count as a whole, bad ones not at all, and nobody is cut off.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use cognate::access::access_keys::KeyFile;
use cognate::access::principals::{policies_directory, principals_file};
use cognate::api::{self, Op};

use crate::spec;
use crate::support::certificates::Authority;
use crate::support::{Credential, Refusal, Wire, World, policy, raw};

async fn list(world: &World, credential: &Credential) -> Result<(), Refusal> {
    let request = api::ListUserPoolsRequest { max_results: Some(1), ..Default::default() };
    world.call_as(credential, request).await.map(drop)
}

spec! {
    async fn a_changed_policy_counts_and_a_bad_one_leaves_the_old_in_force(world: World) {
        let key = Credential::AccessKey(world.principal("desk", &policy("Allow", "cognito-idp:List*", "*")));
        let file = policies_directory(&world.config.access_directory()).join("desk.json");
        assert_eq!(list(&world, &key).await, Ok(()));
        for bad in ["", "{", r#"{"Statement": [{"Effect": "Deny"}]}"#, r#"{"Version": "2012-10-17", "Nonsense": 1}"#] {
            std::fs::write(&file, bad).unwrap();
            world.reload();
            assert_eq!(list(&world, &key).await, Ok(()), "{bad}");
        }
        std::fs::write(&file, policy("Deny", "cognito-idp:List*", "*")).unwrap();
        world.reload();
        assert_eq!(list(&world, &key).await.unwrap_err().exception, "AccessDeniedException");
    }
}

spec! {
    async fn a_disabled_or_deleted_key_proves_nothing(world: World) {
        let key = world.principal("desk", &policy("Allow", "*", "*"));
        let credential = Credential::AccessKey(key.clone());
        let edit = |change: &dyn Fn(&mut KeyFile)| {
            let mut file = KeyFile::open(&world.config.access_directory()).unwrap();
            change(&mut file);
            file.save().unwrap();
            world.reload();
        };
        assert_eq!(list(&world, &credential).await, Ok(()));
        edit(&|file| file.set_active(&key.id, false).unwrap());
        assert_eq!(list(&world, &credential).await.unwrap_err().exception, "UnrecognizedClientException");
        edit(&|file| file.set_active(&key.id, true).unwrap());
        assert_eq!(list(&world, &credential).await, Ok(()));
        edit(&|file| file.delete(&key.id).unwrap());
        assert_eq!(list(&world, &credential).await.unwrap_err().exception, "UnrecognizedClientException");
    }
}

spec! {
    async fn a_principals_file_that_cannot_be_used_changes_nothing(world: World) {
        let credential = Credential::AccessKey(world.operator.clone());
        let file = principals_file(&world.config.access_directory());
        let good = std::fs::read_to_string(&file).unwrap();
        let key = &good[good.find("[[principal.access_key]]").unwrap()..];
        let key_twice = format!("{good}\n{}", key.replace("active = true", "active = false"));
        // Were it taken, the operator could do nothing any more.
        let key_twice = key_twice.replace("\"administrator\"", "");
        for bad in [
            "nonsense = 1".to_owned(),
            good.replace("administrator", "no such policy"),
            good.replace("user/operator", "nobody/operator"),
            good.replace("sealed_secret = \"", "sealed_secret = \"00"),
            format!("{good}\n{good}"),
            key_twice,
        ] {
            assert_ne!(bad, good);
            std::fs::write(&file, bad).unwrap();
            world.reload();
            assert_eq!(list(&world, &credential).await, Ok(()));
        }
    }
}

/// Certificates change while connections are made and used: every request is answered, on old and new connections.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_certificates_under_traffic_drop_nothing() {
    let world = World::with_tls(Wire::Grpc, |_, _| {}).await;
    let client = world.authority.as_ref().unwrap().client(|_| {});
    let old = world.trust(&Credential::Certificate(client.clone())).unwrap();
    // The new server certificate is another authority's, so whoever trusts only that one knows the new from the old.
    let successor = Authority::new();
    let new = crate::support::certificates::Trust { authority: successor.pem(), identity: Some(client) };
    let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let channel = old.channel(&world.address).await.unwrap();
    let ask = |channel| {
        let request = api::ListUserPoolsRequest { max_results: Some(1), ..Default::default() };
        raw::grpc_on::<_, api::ListUserPoolsResponse>(channel, Op::ListUserPools, &Credential::None, request)
    };
    assert!(new.channel(&world.address).await.is_err());
    let traffic = {
        let (stop, answered, channel) = (stop.clone(), answered.clone(), channel.clone());
        tokio::spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                ask(channel.clone()).await.unwrap();
                answered.fetch_add(1, Ordering::Relaxed);
            }
        })
    };
    let after = |count: usize| {
        let (answered, before) = (answered.clone(), answered.load(Ordering::Relaxed));
        async move {
            while answered.load(Ordering::Relaxed) < before + count {
                tokio::task::yield_now().await;
            }
        }
    };
    after(20).await;
    let (certificate, key) =
        (world.config.tls_certificate_file.clone().unwrap(), world.config.tls_key_file.clone().unwrap());
    let identity = successor.server();
    // Half of a change cannot be used, and is not.
    std::fs::write(&certificate, &identity.certificate).unwrap();
    world.reload();
    assert!(old.channel(&world.address).await.is_ok());
    identity.write(&certificate, &key);
    world.reload();
    ask(new.channel(&world.address).await.unwrap()).await.unwrap();
    assert!(old.channel(&world.address).await.is_err(), "the old certificate is no longer shown");
    after(20).await;
    stop.store(true, Ordering::Relaxed);
    traffic.await.unwrap();
    ask(channel).await.unwrap();
}
