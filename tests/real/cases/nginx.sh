# nginx on a loopback port that the runner has reserved, asked by curl.
# needs: nginx curl
# plans: default
# flags: --use loopback
# looks: connect bind listen send
mkdir -p www temp && echo a page >www/index.html && seq 100000 >www/large
cat >nginx.conf <<CONF
daemon off; pid pid; error_log log notice; worker_processes 2;
events {}
http { access_log off; client_body_temp_path temp; proxy_temp_path temp; fastcgi_temp_path temp; uwsgi_temp_path temp; scgi_temp_path temp;
	server { listen 127.0.0.1:$FREE_PORT; listen unix:socket; root www; location /again/ { proxy_pass http://127.0.0.1:$FREE_PORT/; } } }
CONF
nginx -p "$PWD" -e log -c nginx.conf & for i in $(seq 5000); do curl -s --unix-socket socket http://x/ >/dev/null && break; sleep 0.02; done
curl -s http://127.0.0.1:$FREE_PORT/; curl -s http://127.0.0.1:$FREE_PORT/again/large | cksum; curl -s --unix-socket socket http://x/index.html; curl -s -o none -w '%{http_code}\n' http://127.0.0.1:$FREE_PORT/missing; curl -s http://127.0.0.1:1/; echo "curl said $?"
kill -QUIT "$(cat pid)"; wait; grep -c emerg log; rm -f log socket
