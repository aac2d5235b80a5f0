/* SPDX-License-Identifier: Apache-2.0 */
/* Questions and answers of the domain name system, and of mDNS and LLMNR, which have the same format (RFC 1035, section 4).
 *
 * An address is taken for the name that was asked for, not for what a record calls it: records of other owners, which
 * whoever answers may add as he likes, name nobody. That an answer belongs to a question is for the caller to see. */
#ifndef TT_WIRE_DNS_H
#define TT_WIRE_DNS_H

#include "wire/wire.h"

/* Popular names have up to a dozen addresses. */
#define TT_DNS_ANSWERS_MAX 32

/* Those the agent itself has to do with (IANA's registry of resource record types has all). */
enum tt_dns_type {
	TT_DNS_A = 1,
	TT_DNS_CNAME = 5,
	TT_DNS_AAAA = 28,
	TT_DNS_OPT = 41,
	TT_DNS_SVCB = 64,
	TT_DNS_HTTPS = 65,
};

struct tt_dns_answer {
	int family; /* AF_INET or AF_INET6 */
	uint8_t addr[16]; /* IPv4 uses the first 4 bytes, the others are 0 */
	uint32_t ttl; /* in seconds: the least of the record's and of those that led to it */
};

struct tt_dns {
	uint16_t id;
	uint16_t qtype; /* of the first question */
	bool response;
	bool truncated; /* TC: there is more, over TCP */
	bool cut; /* it ended, or was malformed, before its last record; what came before is here */
	bool ech; /* who was asked for has a key for encrypted_client_hello (RFC 9848, section 3) */
	uint16_t
		rcode; /* with the upper bits that EDNS adds (RFC 6891, section 6.1.3), unless they were cut off */
	/* As tt_host_clean() has it, but for dots within a label, which become \046, and for the root, which is ".".
	 * canonical is where aliases led from there; "": there were none. */
	char name[TT_HOST_MAX];
	char canonical[TT_HOST_MAX];
	unsigned n_answers, left_out; /* left_out: how many there were beyond those kept */
	struct tt_dns_answer answers[TT_DNS_ANSWERS_MAX];
};

/* One message, as a datagram has it. Of several questions the first counts; nobody sends more. Of a response, A and AAAA
 * records and the address hints of SVCB and HTTPS records (RFC 9460, section 7.3) are answers if they belong to the name
 * asked for, or to one that CNAME records (also those made of a DNAME: RFC 6672, section 3.1) and SVCB records in
 * AliasMode (RFC 9460, section 2.4.2) lead to from there, whatever their order and section. Malformed records count as absent.
 * -EBADMSG: header or first question are malformed, there is no question, or it is no query (an update, say). *ret is
 * written on success only. */
int tt_dns_parse(const void *message, size_t len, struct tt_dns *ret);

/* "A", "HTTPS", ...; "TYPE65400" (RFC 3597, section 5) in buf for those without a name here. */
const char *tt_dns_type_name(uint16_t type, char buf[16]);

/* Messages of a TCP connection, one after the other (RFC 7766, section 8). *at is where the next one starts: 0 at first.
 * FOUND: *ret_message points to it, and *at is moved behind it. MORE: it is not whole. OTHER: it is too short to be one. */
enum tt_wire_result tt_dns_next(const void *stream, size_t len, size_t *at, const void **ret_message,
				size_t *ret_len);

#endif
