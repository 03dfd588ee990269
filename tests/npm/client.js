// A page's STOMP client. What happens to it is noted in order, for the test that looks.
const happened = [];
const note = (what, detail) => happened.push({what, detail});
let client;

function connect(token, transport) {
    client = new StompJs.Client({
        ...(transport === 'raw websocket'
            ? {brokerURL: `ws://${location.host}/api/v1/ws`}
            : {webSocketFactory: () => new SockJS('/api/v1/ws', null, {transports: [transport]})}),
        connectHeaders: {Authorization: `Bearer ${token}`},
        reconnectDelay: 0,
        onConnect: () => note('connected', client.webSocket.transport ?? 'raw websocket'),
        onStompError: frame => note('error', frame.headers.message),
        onWebSocketClose: () => note('closed', null),
    });
    client.activate();
}

function subscribe(destination) {
    client.watchForReceipt(destination, () => note('subscribed', destination));
    client.subscribe(destination, message => note('message', JSON.parse(message.body)), {receipt: destination});
}
