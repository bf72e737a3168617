/**
 * The simple chat bot of the documentation, to the letter but for URL and key. It listens on port 4000 and answers
 * "hallo", "hilfe" and "zeit", wherever they stand in a message.
 *
 * With `npm start` in another terminal, and the API key that it prints:
 *
 *   WAMUX_API_KEY=wapi_… npm -w examples/chatbot-node start
 *   curl -X POST http://127.0.0.1:3000/api/instances/demo/webhook \
 *     -H 'X-API-Key: wapi_…' -H 'Content-Type: application/json' \
 *     -d '{"url": "http://127.0.0.1:4000/webhook"}'
 *
 * Max of the sandbox repeats whatever he reads, and every answer of this bot holds a word that it answers: the two would
 * answer each other until Max, answered at once three times, falls silent. Let him be silent first, then let him write:
 *
 *   curl http://127.0.0.1:3001/admin/contacts -d '{"phone": "491234567890", "behaviour": "silent"}'
 *   curl http://127.0.0.1:3001/admin/contacts/491234567890/messages -d '{"to": "4915112345678", "text": "hallo"}'
 *   curl http://127.0.0.1:3001/admin/contacts/491234567890/messages
 */
const express = require('express');
const axios = require('axios');

const app = express();
app.use(express.json());

const CONFIG = {
  whatsappApiUrl: process.env.WAMUX_URL ?? 'http://127.0.0.1:3000',
  apiKey: process.env.WAMUX_API_KEY ?? 'wapi_YOUR_API_KEY'
};

// Webhook Endpoint
app.post('/webhook', async (req, res) => {
  const { event, data } = req.body;
  
  if (event === 'message' && !data.isFromMe) {
    const phone = data.from.replace('@c.us', '');
    const message = data.body.toLowerCase();
    
    let response = null;
    
    if (message.includes('hallo')) {
      response = `Hallo ${data.contactName}! Wie kann ich dir helfen?`;
    } else if (message.includes('hilfe')) {
      response = 'Verfügbare Befehle: hallo, hilfe, zeit';
    } else if (message.includes('zeit')) {
      response = `Aktuelle Zeit: ${new Date().toLocaleString('de-DE')}`;
    }
    
    if (response) {
      await axios.post(`${CONFIG.whatsappApiUrl}/api/send-message`, {
        phone,
        message: response
      }, {
        headers: { 'X-API-Key': CONFIG.apiKey }
      });
    }
  }
  
  res.json({ success: true });
});

app.listen(4000, () => {
  console.log('ChatBot läuft auf Port 4000');
});
