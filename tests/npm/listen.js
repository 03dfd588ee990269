// Pages that listen for notifications, without the pages: stomp.js over sockjs-client, in node.
// node listen.js URL TOKEN TRANSPORT COUNT: so many clients of one user, until standard input ends.
// What happens is written to standard output, one line of JSON each.
const SockJS = require('sockjs-client');
const {Client} = require('@stomp/stompjs');

const [url, token, transport, count] = process.argv.slice(2);
// As many as a subscription may name.
const REMEMBERED = 100;

function listen(number) {
    const note = (what, detail) => console.log(JSON.stringify({client: number, what, detail}));
    const seen = [];
    const client = new Client({
        webSocketFactory: () => new SockJS(`${url}/api/v1/ws`, null, {transports: [transport]}),
        connectHeaders: {Authorization: `Bearer ${token}`},
        reconnectDelay: 500,
        onConnect: () => {
            note('connected', client.webSocket.transport);
            client.watchForReceipt('subscribed', () => note('subscribed'));
            const headers = {receipt: 'subscribed', seen: seen.slice(-REMEMBERED).join(',')};
            client.subscribe('/user/queue/notifications', message => {
                const {id} = JSON.parse(message.body);
                seen.push(id);
                note('message', id);
            }, headers);
        },
        onStompError: frame => note('error', frame.headers.message),
        onWebSocketClose: event => note('closed', `${event.code} ${event.reason}`),
    });
    client.activate();
}

for (let number = 0; number < Number(count); number++) listen(number);
process.stdin.on('end', () => process.exit(0)).resume();
