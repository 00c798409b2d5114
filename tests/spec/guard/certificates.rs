//! Client certificates, by real handshakes: which of them prove an operator, and which prove nothing.

use cognate::api;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, SerialNumber, date_time_ymd};
use tonic::Code;

use crate::support::certificates::{Authority, CLIENT, Identity, dns, uri};
use crate::support::{AccessKey, Credential, Refusal, Wire, World, http, policy, raw, refusal};

async fn world(wire: Wire) -> World {
    World::with_tls(wire, |_, _| {}).await
}

async fn call(world: &World, identity: Identity) -> Result<(), Refusal> {
    let request = api::ListUserPoolsRequest { max_results: Some(1), ..Default::default() };
    world.call_as(&Credential::Certificate(identity), request).await.map(drop)
}

fn certified(world: &World, change: impl FnOnce(&mut CertificateParams)) -> Identity {
    world.authority.as_ref().unwrap().client(change)
}

fn nobody() -> Refusal {
    refusal("UnrecognizedClientException", "The security token included in the request is invalid.")
}

/// The handshake, or what comes of it, fails: there is no answer at all.
async fn no_answer(world: &World, identity: Identity) {
    let trust = world.trust(&Credential::Certificate(identity)).unwrap();
    let headers = [("content-type".to_owned(), "application/x-amz-json-1.1".to_owned())];
    let reply = http::post_over_tls(&trust, &world.address, &headers, b"{}".to_vec()).await;
    assert!(reply.is_err(), "{reply:?}");
    if let Ok(channel) = trust.channel(&world.address).await {
        let request = api::ListUserPoolsRequest::default();
        let reply =
            raw::grpc_on::<_, api::ListUserPoolsResponse>(channel, api::Op::ListUserPools, &Credential::None, request);
        let status = reply.await.unwrap_err();
        assert!(matches!(status.code(), Code::Unavailable | Code::Unknown | Code::Cancelled), "{status:?}");
        assert!(status.metadata().get("x-amzn-errortype").is_none(), "{status:?}");
    }
}

/// One body over both wires, in a world that speaks TLS.
macro_rules! over_both_wires {
    ($(async fn $name:ident($world:ident: World) $body:block)*) => {
        $(mod $name {
            use super::*;

            async fn specification($world: World) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn over_grpc() {
                specification(world(Wire::Grpc).await).await
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn over_json() {
                specification(world(Wire::Json).await).await
            }
        })*
    };
}

over_both_wires! {
    async fn a_mapped_uri_is_its_principal(world: World) {
        assert_eq!(call(&world, certified(&world, |_| {})).await, Ok(()));
    }

    async fn a_mapped_dns_name_is_its_principal_and_any_of_several_names_will_do(world: World) {
        world.principal("by-name", &policy("Allow", "*", "*"));
        world.certify("arn:aws:iam::000000000000:user/by-name", "operator.example.org");
        let names = [uri("spiffe://example.org/unknown"), dns("operator.example.org")].to_vec();
        assert_eq!(call(&world, certified(&world, |params| params.subject_alt_names = names)).await, Ok(()));
    }

    async fn an_unmapped_name_is_nobody(world: World) {
        for name in [
            "spiffe://example.org/operator/",
            "spiffe://example.org/Operator",
            "spiffe://example.org/operato",
            "spiffe://example.com/operator",
        ] {
            let identity = certified(&world, |params| params.subject_alt_names = vec![uri(name)]);
            assert_eq!(call(&world, identity).await, Err(nobody()), "{name}");
        }
        let similar = certified(&world, |params| params.subject_alt_names = vec![dns("example.org")]);
        assert_eq!(call(&world, similar).await, Err(nobody()));
    }

    async fn the_common_name_never_counts(world: World) {
        world.principal("by-common-name", &policy("Allow", "*", "*"));
        world.certify("arn:aws:iam::000000000000:user/by-common-name", "common.example.org");
        let identity = certified(&world, |params| {
            params.subject_alt_names = Vec::new();
            params.distinguished_name.push(DnType::CommonName, "common.example.org");
        });
        assert_eq!(call(&world, identity).await, Err(nobody()));
    }

    async fn a_certificate_of_another_authority_gets_no_connection(world: World) {
        no_answer(&world, Authority::new().client(|_| {})).await;
    }

    async fn a_certificate_has_its_time(world: World) {
        let expired = |params: &mut CertificateParams| params.not_after = date_time_ymd(2026, 1, 7);
        no_answer(&world, certified(&world, expired)).await;
        let not_yet_valid = |params: &mut CertificateParams| params.not_before = date_time_ymd(2026, 1, 8);
        no_answer(&world, certified(&world, not_yet_valid)).await;
    }

    async fn a_certificate_must_be_for_clients(world: World) {
        let for_servers =
            |params: &mut CertificateParams| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        no_answer(&world, certified(&world, for_servers)).await;
        let for_nothing = |params: &mut CertificateParams| params.extended_key_usages = Vec::new();
        no_answer(&world, certified(&world, for_nothing)).await;
    }

    async fn headers_that_speak_of_certificates_are_nothing(world: World) {
        let mut headers = vec![
            ("content-type".to_owned(), "application/x-amz-json-1.1".to_owned()),
            ("x-amz-target".to_owned(), "AWSCognitoIdentityProviderService.ListUserPools".to_owned()),
        ];
        let identity = certified(&world, |_| {});
        for name in ["x-forwarded-client-cert", "x-client-cert", "ssl-client-cert", "x-ssl-client-s-dn", "client-cert"] {
            let value = format!("URI={};Cert={}", CLIENT, identity.certificate.replace('\n', "%0A"));
            headers.push((name.to_owned(), value));
        }
        let trust = world.trust(&Credential::None).unwrap();
        let body = b"{\"MaxResults\": 1}".to_vec();
        let reply = http::post_over_tls(&trust, &world.address, &headers, body).await.unwrap();
        assert_eq!(reply.refusal(), refusal("MissingAuthenticationTokenException", "Missing Authentication Token"));
    }

    async fn a_wrong_key_is_not_made_up_for_by_a_certificate(world: World) {
        let trust = world.trust(&Credential::Certificate(certified(&world, |_| {}))).unwrap();
        let wrong = Credential::AccessKey(AccessKey { secret: "wrong".into(), ..world.operator.clone() });
        let request = api::ListUserPoolsRequest { max_results: Some(1), ..Default::default() };
        let channel = trust.channel(&world.address).await.unwrap();
        let reply = raw::grpc_on::<_, api::ListUserPoolsResponse>(
            channel, api::Op::ListUserPools, &wrong, request,
        );
        assert_eq!(reply.await.unwrap_err().code(), Code::Unauthenticated);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_does_not_outlive_its_certificate() {
    let world = world(Wire::Grpc).await;
    let identity = certified(&world, |params| params.not_after = date_time_ymd(2026, 1, 8));
    let channel = world.trust(&Credential::Certificate(identity)).unwrap().channel(&world.address).await.unwrap();
    let call = || {
        let request = api::ListUserPoolsRequest { max_results: Some(1), ..Default::default() };
        raw::grpc_on::<_, api::ListUserPoolsResponse>(
            channel.clone(),
            api::Op::ListUserPools,
            &Credential::None,
            request,
        )
    };
    call().await.unwrap();
    world.advance(std::time::Duration::from_secs(24 * 60 * 60));
    assert_eq!(call().await.unwrap_err().code(), Code::Unauthenticated);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_certificate_is_refused_even_on_a_connection_that_it_has() {
    let wire = Wire::Grpc;
    let world = World::with_tls(wire, |config, authority| {
        let list = config.data.join("revocations.pem");
        std::fs::write(&list, authority.revocations(&[7])).unwrap();
        config.client_crl_file = Some(list);
    });
    let world = world.await;
    let numbered = |number: u64| certified(&world, |params| params.serial_number = Some(SerialNumber::from(number)));
    no_answer(&world, numbered(7)).await;
    let later = numbered(8);
    assert_eq!(call(&world, later.clone()).await, Ok(()));
    let channel = world.trust(&Credential::Certificate(later.clone())).unwrap().channel(&world.address).await.unwrap();
    let on_it = || {
        let request = api::ListUserPoolsRequest { max_results: Some(1), ..Default::default() };
        raw::grpc_on::<_, api::ListUserPoolsResponse>(
            channel.clone(),
            api::Op::ListUserPools,
            &Credential::None,
            request,
        )
    };
    on_it().await.unwrap();
    let list = world.config.client_crl_file.clone().unwrap();
    std::fs::write(&list, world.authority.as_ref().unwrap().revocations(&[7, 8])).unwrap();
    world.reload();
    // What was found valid in a second holds for that second.
    world.advance(std::time::Duration::from_secs(1));
    assert_eq!(on_it().await.unwrap_err().code(), Code::Unauthenticated);
    no_answer(&world, later).await;
    assert_eq!(call(&world, numbered(9)).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_that_is_out_of_date_vouches_for_nobody() {
    let world = World::with_tls(Wire::Json, |config, authority| {
        let list = config.data.join("revocations.pem");
        std::fs::write(&list, authority.revocations(&[])).unwrap();
        config.client_crl_file = Some(list);
    });
    let world = world.await;
    let identity = || certified(&world, |params| params.not_after = date_time_ymd(2027, 1, 1));
    assert_eq!(call(&world, identity()).await, Ok(()));
    world.advance(std::time::Duration::from_secs(30 * 24 * 60 * 60));
    no_answer(&world, identity()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_a_certificate_is_required_nobody_connects_without() {
    let world = World::with_tls(Wire::Json, |config, _| config.client_certificate_required = true).await;
    let trust = world.trust(&Credential::None).unwrap();
    let reply = http::post_over_tls(&trust, &world.address, &[], b"{}".to_vec()).await;
    assert!(reply.is_err(), "{reply:?}");
    assert_eq!(call(&world, certified(&world, |_| {})).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_versions_of_tls_are_spoken_and_no_session_is_resumed_past_the_checks() {
    let world = world(Wire::Json).await;
    let trust = world.trust(&Credential::Certificate(certified(&world, |_| {}))).unwrap();
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let stream = trust.connect(&world.address, &[version]).await.unwrap();
        let (_, connection) = stream.get_ref();
        assert_eq!(connection.protocol_version(), Some(version.version));
        assert_eq!(connection.tls13_tickets_received(), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_access_key_travels_by_basic_over_tls() {
    let world = world(Wire::Grpc).await;
    let request = api::ListUserPoolsRequest { max_results: Some(1), ..Default::default() };
    world.call_as(&Credential::AccessKey(world.operator.clone()), request).await.unwrap();
}
