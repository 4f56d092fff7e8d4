//! The tag that tells equal secrets equal without telling them: HMAC (RFC 2104) with SHA-256, cut to 32 bits.

use sha2::{Digest, Sha256};

/// The block of SHA-256, in bytes.
const BLOCK: usize = 64;

/// The first 8 hex digits of the HMAC of a secret.
pub(super) fn tag(key: &[u8; 32], secret: &[u8]) -> String {
    let digest = hmac(key, secret);
    digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

fn hmac(key: &[u8; 32], message: &[u8]) -> [u8; 32] {
    let pad = |with: u8| {
        let mut block = [with; BLOCK];
        block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
        block
    };
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_hmac_that_everybody_computes() {
        // RFC 4231, test case 1, its 20-byte key filled up with zeros as the algorithm does.
        let mut key = [0; 32];
        key[..20].fill(0x0b);
        assert_eq!(tag(&key, b"Hi There"), "b0344c61");
        assert_ne!(tag(&[1; 32], b"Hi There"), tag(&[2; 32], b"Hi There"));
    }
}
