"""Notifications in real time: STOMP over WebSocket and SockJS, on every replica."""
