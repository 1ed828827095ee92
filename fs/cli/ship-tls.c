/* TLS over TCP, as RFC 5425 wants it of syslog: nobody gets an event who is not who we asked for. */
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <string.h>

#include "fs/cli/ship-target.h"

static enum bl_status fail_ssl(struct bl_error *why, enum bl_status status, const char *text)
{
	unsigned long code = ERR_get_error();
	const char *reason = code ? ERR_reason_error_string(code) : NULL;

	ERR_clear_error();
	return bl_fail(why, status, "%s: %s", text, reason ? reason : "the connection ended");
}

static enum bl_status load(const struct ship_target *target, SSL_CTX *context, struct bl_error *why)
{
	if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1)
		return fail_ssl(why, BL_INVALID, "cannot ask for TLS 1.2");
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	/* What is resumed would be confirmed by an older certificate. */
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	if ((target->ca ? SSL_CTX_load_verify_locations(context, target->ca, NULL)
			: SSL_CTX_set_default_verify_paths(context)) != 1)
		return fail_ssl(why, BL_INVALID, "cannot read the certificates of --ca");
	if (!target->cert)
		return BL_OK;
	if (SSL_CTX_use_certificate_chain_file(context, target->cert) != 1)
		return fail_ssl(why, BL_INVALID, "cannot read the certificate of --cert");
	if (SSL_CTX_use_PrivateKey_file(context, target->key, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_check_private_key(context) != 1)
		return fail_ssl(why, BL_INVALID,
				"--cert-key is not the key of the certificate of --cert");
	return BL_OK;
}

/* An address is compared with the certificate's addresses, a name with its names. */
static bool expect_peer(SSL *session, const char *host)
{
	struct in6_addr address;

	if (inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), host) == 1;
	SSL_set_hostflags(session, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set1_host(session, host) == 1 && SSL_set_tlsext_host_name(session, host) == 1;
}

/* One step of the session said @result. BL_OK: take the step again. */
static enum bl_status wait_for(struct ship_target *target, int result, int64_t until_ms,
			       bool is_last, const char *text, struct bl_error *why)
{
	int want = SSL_get_error(target->session, result);
	char passed_over;

	/* Who refuses us says why before they go, and what we write meanwhile fails first. */
	if (want == SSL_ERROR_SYSCALL)
		(void)!SSL_read(target->session, &passed_over, 1);
	if (want != SSL_ERROR_WANT_READ && want != SSL_ERROR_WANT_WRITE)
		return fail_ssl(why, BL_IO, text);
	return ship_wait(target, want == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, until_ms, is_last,
			 why);
}

static enum bl_status shake_hands(struct ship_target *target, struct bl_error *why)
{
	int64_t until_ms = ship_now_ms() + SHIP_WAIT_MS;
	enum bl_status status = BL_OK;

	while (status == BL_OK) {
		int result = SSL_connect(target->session);
		long trouble = SSL_get_verify_result(target->session);

		if (result == 1)
			return BL_OK;
		if (trouble != X509_V_OK) {
			ERR_clear_error();
			return bl_fail(why, BL_FORBIDDEN,
				       "'%s' is not who it should be: %s (look at --ca and at the "
				       "name in its certificate)",
				       target->host, X509_verify_cert_error_string(trouble));
		}
		status = wait_for(target, result, until_ms, false, "no TLS with the receiver", why);
	}
	return status;
}

static void tls_close(struct ship_target *target)
{
	SSL_free(target->session);
	SSL_CTX_free(target->context);
	target->session = target->context = NULL;
	ship_stream_close(target);
}

static enum bl_status tls_open(struct ship_target *target, struct bl_error *why)
{
	enum bl_status status;

	ERR_clear_error();
	target->context = SSL_CTX_new(TLS_client_method());
	status = target->context ? load(target, target->context, why)
				 : fail_ssl(why, BL_NO_MEMORY, "no TLS here");
	if (status == BL_OK)
		status = ship_tcp_connect(target, why);
	if (status == BL_OK) {
		target->session = SSL_new(target->context);
		if (!target->session || !expect_peer(target->session, target->host) ||
		    SSL_set_fd(target->session, target->fd) != 1)
			status = fail_ssl(why, BL_IO, "no TLS session");
	}
	if (status == BL_OK)
		status = shake_hands(target, why);
	if (status != BL_OK)
		tls_close(target);
	return status;
}

static enum bl_status write_all(struct ship_target *target, const char *bytes, size_t length,
				struct bl_error *why)
{
	int64_t until_ms = ship_now_ms() + SHIP_WAIT_MS;
	enum bl_status status = BL_OK;

	while (status == BL_OK && length) {
		int result = SSL_write(target->session, bytes, (int)length);

		/* Without partial writes it is all or nothing. */
		if (result > 0)
			return BL_OK;
		status = wait_for(target, result, until_ms, false, "the receiver takes no more",
				  why);
	}
	return status;
}

static enum bl_status tls_send(struct ship_target *target, const char *message, size_t length,
			       struct bl_error *why)
{
	char before[SHIP_FRAME];
	const char *behind = ship_frame(target, length, before);
	enum bl_status status = write_all(target, before, strlen(before), why);

	if (status == BL_OK)
		status = write_all(target, message, length, why);
	return status == BL_OK ? write_all(target, behind, strlen(behind), why) : status;
}

/* Reads what is there; true: the receiver said that it ends (and not that something is wrong, which ends the session, too). */
static bool says_end(SSL *session, int *out_result)
{
	char passed_over[4096];

	ERR_clear_error();
	do
		*out_result = SSL_read(session, passed_over, sizeof(passed_over));
	while (*out_result > 0);
	return SSL_get_error(session, *out_result) == SSL_ERROR_ZERO_RETURN;
}

static enum bl_status say_end(struct ship_target *target, int64_t until_ms, struct bl_error *why)
{
	enum bl_status status = BL_OK;
	int result = 0;

	if (says_end(target->session, &result))
		return bl_fail(why, BL_IO, "the receiver ended by itself");
	/* A client's certificate is looked at when its session is open already. */
	if (SSL_get_error(target->session, result) == SSL_ERROR_SSL)
		return fail_ssl(why, BL_IO, "the receiver refused");
	while (status == BL_OK && (result = SSL_shutdown(target->session)) < 0)
		status = wait_for(target, result, until_ms, true, "the receiver broke off", why);
	while (status == BL_OK && !says_end(target->session, &result))
		status = wait_for(target, result, until_ms, true,
				  "the receiver broke off before it read all", why);
	return status;
}

/* Its word that it read to our end is in the session, where nobody else can say it; then TCP ends as without. */
static enum bl_status tls_confirm(struct ship_target *target, struct bl_error *why)
{
	enum bl_status status = say_end(target, ship_now_ms() + SHIP_CONFIRM_MS, why);

	if (status == BL_OK)
		status = ship_stream_end(target, true, why);
	tls_close(target);
	return status;
}

const struct ship_kind SHIP_TLS = {"tls", tls_open, tls_send, tls_confirm, tls_close};
