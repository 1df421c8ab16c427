#pragma once
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

// What OpenSSL offers as macros, which Swift does not see.

/// Nobody is asked for the password of a key file.
static inline int openssl_no_password(char *buffer, int size, int isForWriting, void *user) {
  (void)buffer, (void)size, (void)isForWriting, (void)user;
  return -1;
}

/// TLS 1.2 or newer, no renegotiation, no session kept, and no buffers held by an idle connection.
static inline void openssl_configure(SSL_CTX *context) {
  SSL_CTX_set_default_passwd_cb(context, openssl_no_password);
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_num_tickets(context, 0);
}

/// The name a client asks for (SNI).
static inline void openssl_ask_for_host(SSL *ssl, const char *name) {
  SSL_set_tlsext_host_name(ssl, name);
}

/// What a BIO's last call did: 1 when there was nothing to read, and it is to be tried again later.
static inline void openssl_bio_set_retry_read(BIO *bio, int retry) {
  BIO_clear_retry_flags(bio);
  if (retry) BIO_set_retry_read(bio);
}

/// The names (subjectAltName) of a certificate; null where it has none, otherwise the caller's to free.
static inline GENERAL_NAMES *openssl_names(const X509 *certificate) {
  return (GENERAL_NAMES *)X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
}

static inline int openssl_name_count(const GENERAL_NAMES *names) { return sk_GENERAL_NAME_num(names); }

/// The kind (GEN_DNS, GEN_IPADD, …) and the bytes of a name; the bytes are null for other kinds.
static inline int openssl_name(
    const GENERAL_NAMES *names, int place, const unsigned char **bytes, int *count) {
  const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, place);
  const ASN1_STRING *text = name->type == GEN_DNS || name->type == GEN_IPADD ? name->d.ia5 : NULL;
  *bytes = text ? ASN1_STRING_get0_data(text) : NULL;
  *count = text ? ASN1_STRING_length(text) : 0;
  return name->type;
}
