//! One-time passwords by time (RFC 6238): SHA-1, six digits, thirty seconds, as
//! authenticator apps expect them (contract `auth.md` 8).

use totp_rs::{Builder, Secret, Totp};

/// Bytes of a secret: sixteen letters in base32.
const LENGTH: usize = 10;

/// A new secret, in base32.
pub(super) fn new_secret() -> String {
    let bytes: [u8; LENGTH] = rand::random();
    Secret::from(bytes.to_vec()).to_base32()
}

fn totp(secret: &str) -> Option<Totp> {
    // Apps write secrets in groups, and in whatever case.
    let letters: String = secret.chars().filter(|letter| !letter.is_whitespace()).collect();
    let secret = Secret::try_from_base32(letters.trim_end_matches('=').to_ascii_uppercase()).ok()?;
    Some(Builder::new().with_secret(secret).build_noncompliant())
}

/// Whether a one-time password is that of a secret now, or was a moment ago.
pub(super) fn matches(secret: &str, otp: &str, seconds: i64) -> bool {
    let digits: String = otp.chars().filter(|letter| !letter.is_whitespace()).collect();
    let (Some(totp), Ok(seconds)) = (totp(secret), u64::try_from(seconds)) else { return false };
    digits.len() == 6 && totp.check(&digits, seconds).is_some()
}

/// What authenticator apps read a secret from.
pub(super) fn url(secret: &str, account: &str, issuer: &str) -> String {
    let encode =
        |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
    let (account, issuer) = (encode(account), encode(issuer));
    format!("otpauth://totp/{issuer}:{account}?secret={secret}&period=30&digits=6&algorithm=SHA1&issuer={issuer}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_those_of_the_standard() {
        // RFC 6238, appendix B: the secret is "12345678901234567890".
        let secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
        for (seconds, otp) in [(59, "287082"), (1_111_111_109, "081804"), (2_000_000_000, "279037")] {
            assert!(matches(secret, otp, seconds), "{otp}");
            assert!(!matches(secret, otp, seconds + 120), "{otp}");
        }
        assert!(!matches(secret, "", 59) && !matches("1", "287082", 59) && !matches(secret, "28708", 59));
    }

    #[test]
    fn secrets_have_sixteen_letters() {
        let secret = new_secret();
        assert_eq!(secret.len(), 16);
        assert_ne!(secret, new_secret());
        assert!(
            url(&secret, "a@b.example", "My project").contains("otpauth://totp/My%20project:a%40b%2Eexample?secret=")
        );
    }
}
