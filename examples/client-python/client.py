# The Python client of the documentation, to the letter but for URL and key. It sends "Hallo von Python!" to Max
# (491234567890) and prints what the server answered: {'success': True, 'data': {'messageId': …, 'status': 'sent'}}.
#
# With `npm start` in another terminal, and the API key that it prints (requests: apt-get install python3-requests):
#
#   WAMUX_API_KEY=wapi_… python3 examples/client-python/client.py

import requests
import json

API_URL = __import__("os").environ.get("WAMUX_URL", "http://127.0.0.1:3000")
API_KEY = __import__("os").environ.get("WAMUX_API_KEY", "wapi_YOUR_API_KEY")

def send_message(phone, message):
    headers = {
        "X-API-Key": API_KEY,
        "Content-Type": "application/json"
    }
    
    data = {
        "phone": phone,
        "message": message
    }
    
    response = requests.post(
        f"{API_URL}/api/send-message",
        headers=headers,
        json=data
    )
    
    return response.json()

# Nachricht senden
result = send_message("491234567890", "Hallo von Python!")
print(result)
