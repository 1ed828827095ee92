/* socket.c - families of sockets */
#include "attack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/vm_sockets.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

union address {
	struct sockaddr any;
	struct sockaddr_un local;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_nl netlink;
};

static socklen_t local_address(const struct attack *attack, union address *out, bool is_abstract)
{
	memset(out, 0, sizeof(*out));
	out->local.sun_family = AF_UNIX;
	int length = snprintf(out->local.sun_path + is_abstract, sizeof(out->local.sun_path) - 1,
			      "%s%s", is_abstract ? "" : "/tmp/", attack->key);

	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)length + 1);
}

/* ---- who listens: one socket, of which a connection is taken when it is a stream's ---------------------------- */

static int listen_at(struct attack *attack, int type, const union address *address,
		     socklen_t length)
{
	attack->fd = socket(address->any.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	attack->value = type;
	if (attack->fd < 0)
		return failed(attack, "socket");
	if (bind(attack->fd, &address->any, length) < 0)
		return failed(attack, "bind");
	return type != SOCK_STREAM || listen(attack->fd, 1) == 0 ? 0 : failed(attack, "listen");
}

static bool heard(struct attack *attack)
{
	char bytes[64];
	int fd = attack->value == SOCK_STREAM ? accept(attack->fd, NULL, NULL) : attack->fd;

	return fd >= 0 && is_marker(attack, bytes, recv(fd, bytes, sizeof(bytes), 0));
}

static int send_to(struct attack *attack, int type, const union address *address, socklen_t length)
{
	int fd = socket(address->any.sa_family, type | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return failed(attack, "socket");
	if (connect(fd, &address->any, length) < 0)
		return failed(attack, "connect");
	return send(fd, attack->marker, MARKER_LENGTH, 0) > 0 ? 0 : failed(attack, "send");
}

static int local(struct attack *attack, int type, bool is_abstract, bool listens)
{
	union address address;
	socklen_t length = local_address(attack, &address, is_abstract);

	return (listens ? listen_at : send_to)(attack, type, &address, length);
}
static int path_try(struct attack *attack)
{
	return local(attack, SOCK_STREAM, false, false);
}
static int path_listen(struct attack *attack)
{
	return local(attack, SOCK_STREAM, false, true);
}
static bool path_heard(struct attack *attack)
{
	union address address;

	local_address(attack, &address, false);
	unlink(address.local.sun_path);
	return heard(attack);
}
static int abstract_try(struct attack *attack)
{
	return local(attack, SOCK_STREAM, true, false);
}
static int abstract_listen(struct attack *attack)
{
	return local(attack, SOCK_STREAM, true, true);
}
static int datagram_try(struct attack *attack)
{
	return local(attack, SOCK_DGRAM, true, false);
}
static int datagram_listen(struct attack *attack)
{
	return local(attack, SOCK_DGRAM, true, true);
}

/* ---- the network: loopback, at a port the kernel gives ----------------------------------------------------------- */

static socklen_t inet(const struct attack *attack, int family, union address *out)
{
	memset(out, 0, sizeof(*out));
	out->any.sa_family = (sa_family_t)family;
	if (family == AF_INET6) {
		out->in6.sin6_port = htons((uint16_t)atoi(attack->argument));
		out->in6.sin6_addr = in6addr_loopback;
		return sizeof(out->in6);
	}
	out->in.sin_port = htons((uint16_t)atoi(attack->argument));
	out->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return sizeof(out->in);
}
static int inet_listen(struct attack *attack, int family, int type)
{
	union address address;
	socklen_t length = inet(attack, family, &address);
	int error = listen_at(attack, type, &address, length);

	if (!error && getsockname(attack->fd, &address.any, &length) < 0)
		error = failed(attack, "getsockname");
	if (!error)
		snprintf(attack->reply, sizeof(attack->reply), "%d", ntohs(address.in.sin_port));
	return error;
}
static int inet_try(struct attack *attack, int family, int type)
{
	union address address;

	return send_to(attack, type, &address, inet(attack, family, &address));
}
static int tcp_try(struct attack *attack)
{
	return inet_try(attack, AF_INET, SOCK_STREAM);
}
static int tcp_listen(struct attack *attack)
{
	return inet_listen(attack, AF_INET, SOCK_STREAM);
}
static int udp_try(struct attack *attack)
{
	return inet_try(attack, AF_INET, SOCK_DGRAM);
}
static int udp_listen(struct attack *attack)
{
	return inet_listen(attack, AF_INET, SOCK_DGRAM);
}
static int tcp6_try(struct attack *attack)
{
	return inet_try(attack, AF_INET6, SOCK_STREAM);
}
static int tcp6_listen(struct attack *attack)
{
	return inet_listen(attack, AF_INET6, SOCK_STREAM);
}

/* ---- others -------------------------------------------------------------------------------------------------------- */

static int netlink_try(struct attack *attack)
{
	union address to = {
		.netlink = {.nl_family = AF_NETLINK, .nl_pid = (unsigned)atol(attack->argument)}};
	struct {
		struct nlmsghdr header;
		char bytes[MARKER_LENGTH];
	} message = {.header = {.nlmsg_len = sizeof(message), .nlmsg_type = NLMSG_MIN_TYPE}};
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_USERSOCK);

	if (fd < 0)
		return failed(attack, "socket");
	memcpy(message.bytes, attack->marker, MARKER_LENGTH);
	if (sendto(fd, &message, sizeof(message), 0, &to.any, sizeof(to.netlink)) < 0)
		return failed(attack, "sendto");
	return 0;
}
static int netlink_listen(struct attack *attack)
{
	union address own = {.netlink = {.nl_family = AF_NETLINK}};
	socklen_t length = sizeof(own.netlink);

	attack->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK, NETLINK_USERSOCK);
	if (attack->fd < 0 || bind(attack->fd, &own.any, sizeof(own.netlink)) < 0)
		return failed(attack, "bind");
	getsockname(attack->fd, &own.any, &length);
	snprintf(attack->reply, sizeof(attack->reply), "%u", own.netlink.nl_pid);
	return 0;
}
static bool netlink_heard(struct attack *attack)
{
	char bytes[256];
	ssize_t got = recv(attack->fd, bytes, sizeof(bytes), 0);

	return got > (ssize_t)sizeof(struct nlmsghdr) &&
	       memmem(bytes, (size_t)got, attack->marker, MARKER_LENGTH);
}
static int packet_try(struct attack *attack)
{
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET, .sll_protocol = htons(0x88b5), .sll_halen = 6};
	int fd = socket(AF_PACKET, SOCK_DGRAM, htons(0x88b5));

	if (fd < 0)
		return failed(attack, "socket");
	to.sll_ifindex = (int)if_nametoindex("lo");
	if (sendto(fd, attack->marker, MARKER_LENGTH, 0, (const struct sockaddr *)&to, sizeof(to)) <
	    0)
		return failed(attack, "sendto");
	return 0;
}
static int packet_listen(struct attack *attack)
{
	attack->fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK, htons(0x88b5));
	attack->value = SOCK_DGRAM;
	return attack->fd < 0 ? failed(attack, "socket") : 0;
}

static int one_family(struct attack *attack, int family, int type)
{
	int fd = socket(family, type, 0);

	return fd >= 0 ? 0 : failed(attack, "socket");
}
static int vsock(struct attack *attack)
{
	return one_family(attack, AF_VSOCK, SOCK_STREAM);
}
static int crypto(struct attack *attack)
{
	return one_family(attack, AF_ALG, SOCK_SEQPACKET);
}
static int pair(struct attack *attack)
{
	int fds[2];

	return socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0 ? 0 : failed(attack, "socketpair");
}
static int any_family(struct attack *attack)
{
	static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET, SOCK_RDM};

	for (int family = 0; family < AF_MAX; family++)
		for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
			if (one_family(attack, family, types[i]) == 0)
				return 0;
	return failed(attack, "socket");
}

const struct row socket_rows[] = {
	{"socket-path", "a Unix socket with a path", PEER, path_try, path_listen, path_heard},
	{"socket-abstract", "an abstract Unix socket", PEER, abstract_try, abstract_listen, heard},
	{"socket-datagram", "the same, datagrams", 0, datagram_try, datagram_listen, heard},
	{"socket-tcp", "TCP over loopback", PEER, tcp_try, tcp_listen, heard},
	{"socket-tcp6", "TCP over IPv6 loopback", 0, tcp6_try, tcp6_listen, heard},
	{"socket-udp", "UDP over loopback", 0, udp_try, udp_listen, heard},
	{"socket-netlink", "netlink from process to process", 0, netlink_try, netlink_listen,
	 netlink_heard},
	{"socket-packet", "packets", BY_ROOT, packet_try, packet_listen, heard},
	{"socket-vsock", "a vsock", 0, vsock, NULL, NULL},
	{"socket-crypto", "the kernel's cryptography (AF_ALG)", 0, crypto, NULL, NULL},
	{"socket-pair", "a pair to pass descriptors", 0, pair, NULL, NULL},
	{"socket-any", "every family, every type", 0, any_family, NULL, NULL},
	{0},
};
