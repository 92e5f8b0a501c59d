"""The names every MicroPython machine keeps in its program memory: on a board they cost no heap.

Taken from the machine the bench uses (unix port, 1.29, with the library frozen into it). A name
that stands here is never given up, because it may be the machine's own; and it is what longer
names become. On a machine that lacks some of these the agent works the same and takes a little
more heap. Whoever adds a port whose modules have names of their own adds them here.
"""

_NAMES = """
AF_INET AF_INET6 AF_UNIX ARRAY AUTO ArgumentParser ArgumentTypeError ArithmeticError
AssertionError AttributeError Authorization B1000000 B115200 B1152000 B230400 B460800 B500000
B57600 B576000 B921600 B9600 BFINT16 BFINT32 BFINT8 BFUINT16 BFUINT32 BFUINT8 BF_LEN BF_POS
BIG_ENDIAN BaseException BytesIO CERT_NONE CERT_OPTIONAL CERT_REQUIRED CancelledError Connection
DELETE DeflateIO Done EACCES EADDRINUSE EAGAIN EALREADY EBADF ECONNABORTED ECONNREFUSED
ECONNRESET EEXIST EHOSTUNREACH EINPROGRESS EINVAL EIO EISDIR ENOBUFS ENODEV ENOENT ENOMEM
ENOTCONN EOFError EOPNOTSUPP EPERM ETIMEDOUT Ellipsis Error Event Exception FLOAT32 FLOAT64
FileIO FrameBuffer FrameBuffer1 GET GS2_HMSB GS4_HMSB GS8 GZIP GeneratorExit HEAD Host INT INT16
INT32 INT64 INT8 IOBase IOQueue IP_ADD_MEMBERSHIP IP_DROP_MEMBERSHIP ImportError
IndentationError IndexError KeyError KeyboardInterrupt LITTLE_ENDIAN LONG LONGLONG Lock LockType
LookupError Loop MBEDTLS_VERSION MONO_HLSB MONO_HMSB MONO_VLSB MSG_DONTROUTE MSG_DONTWAIT
MSG_PEEK MVLSB MemoryError NATIVE NameError NoneType NotImplemented NotImplementedError OSError
OrderedDict OverflowError PATCH POLLERR POLLHUP POLLIN POLLOUT POST PROTOCOL_DTLS_CLIENT
PROTOCOL_DTLS_SERVER PROTOCOL_TLS_CLIENT PROTOCOL_TLS_SERVER PTR PUT PinBase RAW RGB565 Response
RingIO RuntimeError SHORT SOCK_DGRAM SOCK_RAW SOCK_STREAM SOL_SOCKET SO_BROADCAST SO_ERROR
SO_KEEPALIVE SO_LINGER SO_REUSEADDR SSLContext SSLSocket Server Signal SingletonGenerator
StopAsyncIteration StopIteration Stream StreamReader StreamWriter StringIO SyntaxError
SystemExit TCSANOW Task TaskQueue TextIOWrapper ThreadSafeFlag TimeoutError TypeError UINT
UINT16 UINT32 UINT64 UINT8 ULONG ULONGLONG USHORT UnicodeError VOID ValueError VfsFat VfsLfs1
VfsLfs2 VfsPosix VfsRom ViperTypeError ZLIB ZeroDivisionError _ _Arg _ArgError _Remove _apply
_asyncio _attrs _build _cached _check_exists _chunk _context _dequeue _dest_from_optnames
_download_file _enqueue _ensure_path_exists _exc_context _exc_handler _install_json
_install_package _io_queue _machine _mpy _parse_args _parse_args_impl _promote_to_task
_rewrite_url _run _serve _stop_task _stopper _task_queue _thread a2b_base64 abs abs_tol accept
aclose acos acosh acquire action add add_argument addressof aes all allocate_lock
allowed_mip_url_prefixes any append appendleft arg argparse args argv array ascii asin asinh
asyncio atan atan2 atanh atexit attr auth aw awrite awritestr b2a_base64 backlog big bin
binascii bind blit bool bound_method branch buf buffer buffering builtins bytearray bytearray_at
bytecode byteorder bytes bytes_at cadata cafile calcsize call_exception_handler callable cancel
cb ceil center cert cert_reqs certfile chdir choice chr chunked cipher classmethod clear
client_id clock close closure cmath code collect collections compile complex connect const
consume_unknown content context copy copysign core coro cos cosh count crc32 create_task
cryptolib cur_task current_task data decode decrypt default default_exception_handler deflate
degrees delattr delete deleter deps deque description dest dict dict_view difference
difference_update digest dir disable discard divmod do_handshake do_handshake_on_connect
do_install doc done drain dt dump dumps e ellipse enable encode encoding encrypt end endswith
enumerate er erf erfc errno errorcode eval event exc exc_info exc_type exception exec execfile
executable exit exp expm1 extend f fabs factorial file fileno fill fill_rect filter find flags
float floor flush fmod format framebuf frexp from_bytes fromhex fromkeys frozenset full funcs
function future gamma gather gc generator get get_ciphers get_event_loop get_exception_handler
get_extra_info get_ident getaddrinfo getattr getcwd getenv getrandbits getter getvalue globals
gmtime group handler hasattr hash hashes hashlib head headers heap_lock heap_unlock heapify
heappop heappush heapq help hex hexlify hline host id idle idx ilistdir imag implementation
index indices inet_ntop inet_pton inf input insert install int intersection intersection_update
invert io ioctl ipoll is_set isalpha isclose isdigit isdisjoint isenabled isfinite isinf
isinstance islower isnan isspace issubclass issubset issuperset isupper items iter iterable
iterator join json kbd_intr keepends key keyfile keys latest ldexp len length lgamma libc_ver
line list listdir listen little load load_cert_chain load_verify_locations loads locals
localtime lock locked log log10 log2 lookahead loop lower lstrip machine main main_task makefile
map match math max maxsize md5 mem mem16 mem32 mem8 mem_alloc mem_current mem_free mem_info
mem_peak mem_total memoryview message method micropython min mkdir mkfs mktime mode modf modify
module modules mount mpy mtime n name namedtuple names nan nargs native new_event_loop newline
next no_mpy object oct off on open open_connection opt opt_level opt_names optname ord os
out_buf pack pack_into package package_json_url parse parse_args parse_headers parse_known_args
partition patch path peek peername pend_throw ph_key phase pi pixel platform polar poll poller
poly pop popitem popleft port pos post pow preview print print_exception progsize property ps1
ps2 psk_identity psk_key ptr ptr16 ptr32 ptr8 push put putenv py python_compiler qstr_info
queue_read queue_write r radians randint random randrange range raw rb re read readblocks
readexactly readinto readline readlines readonly readsize real reason rect recv recv_into
recvfrom register rel_tol release remove rename render_arg replace repr req request requesting
requests return_exceptions return_unknown reverse reversed rfind rindex rmdir round rpartition
rsplit rstrip run run_forever run_until_complete runq_len s schedule scroll search seed seek
select self send sendall sendto sep separators server_hostname server_psk_keys server_side set
set_ciphers set_exception_handler setattr setblocking setdefault setraw setsockopt setter
settimeout sgen sha1 sha256 short_hash signed sin single sinh sizeof sleep sleep_ms sleep_us
slice sock sockaddr socket soft_reset sort sorted split splitlines sqrt src ssl stack_size
stack_use start start_new_thread start_server startswith stat state staticmethod status_code
statvfs stderr stdin stdout step stop store store_const store_false store_true str stream
stream_awrite strip struct sub sum super symmetric_difference sync sys system sz t tan tanh
target task tau tb tcgetattr tcsetattr tell termios text threshold throw ticks ticks_add
ticks_cpu ticks_diff ticks_ms ticks_us time time_ns time_pulse_us timeout tls to_bytes trunc
tuple type uctypes uint umount unhexlify uniform union unlink unpack unpack_from unregister
unsafe unsetenv update upper urandom url urls usage usys v val value values verify_callback
verify_mode version version_info vfs viper vline wait wait_closed wait_for wait_for_ms
wait_io_event waiter waiting waitq_len wb websocket wrap_socket write writeblocks zip
"""

VM_NAMES = frozenset(_NAMES.split())
