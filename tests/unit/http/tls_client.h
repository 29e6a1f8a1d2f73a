/* tls_client.h - a certificate made on the spot and a TLS client for the tests. */
#ifndef TEST_HTTP_TLS_CLIENT_H
#define TEST_HTTP_TLS_CLIENT_H

#include "client.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

typedef struct {
    char cert[64], key[64];
    SSL_CTX *client;
} tls_files;

static inline void write_pem(const char *path, X509 *cert, EVP_PKEY *key)
{
    FILE *f = fopen(path, "w");

    if (!f || (cert && PEM_write_X509(f, cert) != 1) ||
        (key && PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) != 1))
        fail_msg("cannot write %s", path);
    fclose(f);
}

/* A self-signed certificate for "localhost" in two files of /tmp, and a client that trusts anything. */
static inline void make_tls(tls_files *t)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();

    if (!key || !cert)
        fail_msg("OpenSSL makes no key");
    snprintf(t->cert, sizeof t->cert, "/tmp/hse-test-%d.crt", (int)getpid());
    snprintf(t->key, sizeof t->key, "/tmp/hse-test-%d.key", (int)getpid());
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1,
                               -1, 0);
    X509_set_issuer_name(cert, X509_get_subject_name(cert));
    X509_sign(cert, key, EVP_sha256());
    write_pem(t->cert, cert, NULL);
    write_pem(t->key, NULL, key);
    X509_free(cert);
    EVP_PKEY_free(key);
    t->client = SSL_CTX_new(TLS_client_method());
}

static inline void drop_tls(tls_files *t)
{
    unlink(t->cert);
    unlink(t->key);
    SSL_CTX_free(t->client);
}

/* NULL when the handshake fails; the descriptor stays the caller's. */
static inline SSL *tls_dial(const tls_files *t, int fd)
{
    SSL *ssl = SSL_new(t->client);

    SSL_set_fd(ssl, fd);
    ERR_clear_error();
    if (SSL_connect(ssl) == 1)
        return ssl;
    SSL_free(ssl);
    return NULL;
}

#endif
