//! `GetSigningCertificate`.

use std::process::Command;
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine as _};
use cognate::api;

use crate::spec;
use crate::support::{Refusal, World, http, refusal};

async fn certificate(world: &World, pool: &str) -> Result<String, Refusal> {
    let request = api::GetSigningCertificateRequest { user_pool_id: Some(pool.to_owned()) };
    world.call(request).await.map(|response| response.certificate.unwrap())
}

/// The modulus of the key by which ID tokens are signed, as the pool publishes it.
async fn published_modulus(world: &World, pool: &str) -> Vec<u8> {
    let keys = http::get(&world.address, &format!("/{pool}/.well-known/jwks.json")).await.json();
    BASE64_URL_SAFE_NO_PAD.decode(keys["keys"][0]["n"].as_str().unwrap()).unwrap()
}

spec! {
    async fn a_pool_has_one_certificate_for_as_long_as_it_lives(world: World) {
        let (pool, other) = (world.pool(|_| {}).await, world.pool(|_| {}).await);
        let first = certificate(&world, &pool).await.unwrap();
        assert_ne!(certificate(&world, &other).await.unwrap(), first);
        world.advance(Duration::from_secs(30 * 24 * 60 * 60));
        let update = api::UpdateUserPoolRequest { user_pool_id: Some(pool.clone()), ..Default::default() };
        world.call(update).await.unwrap();
        assert_eq!(certificate(&world, &pool).await.unwrap(), first);
        let world = world.restarted().await;
        assert_eq!(certificate(&world, &pool).await.unwrap(), first);
    }
}

spec! {
    async fn it_holds_the_key_of_the_pools_id_tokens(world: World) {
        let pool = world.pool(|_| {}).await;
        let der = BASE64_STANDARD.decode(certificate(&world, &pool).await.unwrap()).unwrap();
        let modulus = published_modulus(&world, &pool).await;
        assert_eq!(modulus.len(), 256);
        assert!(der.windows(256).any(|part| part == modulus));
        assert!(der.windows(pool.len()).any(|part| part == pool.as_bytes()), "it names the pool");
    }
}

spec! {
    async fn openssl_takes_it_as_its_own_authority_for_ten_years(world: World) {
        if Command::new("openssl").arg("version").output().is_err() {
            eprintln!("skipped: openssl is not here");
            return;
        }
        let pool = world.pool(|_| {}).await;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("certificate.pem");
        let body = certificate(&world, &pool).await.unwrap();
        let lines: Vec<&str> = body.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
        let pem = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"));
        std::fs::write(&file, pem).unwrap();
        let openssl = |arguments: &[&str]| {
            let done = Command::new("openssl").args(arguments).arg(&file).output().unwrap();
            (done.status.success(), String::from_utf8_lossy(&done.stdout).into_owned())
        };
        let now = world.now();
        let verified_at = |seconds: i64| {
            let at = (now.as_second() + seconds).to_string();
            openssl(&["verify", "-check_ss_sig", "-attime", &at, "-CAfile", file.to_str().unwrap()]).0
        };
        let year = 365 * 24 * 60 * 60;
        assert!(verified_at(0) && verified_at(10 * year));
        assert!(!verified_at(11 * year) && !verified_at(-2 * 24 * 60 * 60));

        let (_, told) = openssl(&["x509", "-noout", "-subject", "-issuer", "-nameopt", "RFC2253", "-in"]);
        assert_eq!(told, format!("subject=CN={pool}\nissuer=CN={pool}\n"));
    }
}

spec! {
    async fn an_unknown_pool_is_named(world: World) {
        assert_eq!(
            certificate(&world, "us-east-1_Nowhere12").await,
            Err(refusal("ResourceNotFoundException", "User pool us-east-1_Nowhere12 does not exist."))
        );
    }
}

spec! {
    async fn an_id_must_look_like_one(world: World) {
        assert_eq!(
            certificate(&world, "nonsense").await,
            Err(refusal(
                "InvalidParameterException",
                "1 validation error detected: Value 'nonsense' at 'userPoolId' failed to satisfy constraint: Member must \
                 satisfy regular expression pattern: [\\w-]+_[0-9a-zA-Z]+"
            ))
        );
    }
}
